-- Whether this address is written down.
SELECT 1 FROM jobq_listener WHERE address = :address
