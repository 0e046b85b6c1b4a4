-- Whether this worker waits for hints. Hints cost those who enqueue, so a busy worker does without and looks often.
UPDATE jobq.session SET waiting = %(waiting)s
WHERE number = %(session)s AND state <> 'lost'
RETURNING pg_current_xact_id()::text, statement_timestamp()
