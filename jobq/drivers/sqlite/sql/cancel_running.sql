-- A running job is to be cancelled: if it does not end by itself, it ends when it would wait again.
UPDATE jobq_job SET cancel_requested = 1, cancel_reason = :reason WHERE seq = :seq
