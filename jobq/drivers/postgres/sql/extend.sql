-- Renew the lease, unless it was lost: then for good.
UPDATE jobq.session SET lease_until = clock_timestamp() + lease * interval '1 second'
WHERE number = %(session)s AND state <> 'lost'
RETURNING pg_current_xact_id()::text, statement_timestamp()
