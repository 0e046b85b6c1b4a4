-- The last token that was given out.
UPDATE jobq_counter SET token = :token
