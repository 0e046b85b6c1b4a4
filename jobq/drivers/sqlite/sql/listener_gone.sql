-- Nobody is there any more.
DELETE FROM jobq_listener WHERE address = :address
