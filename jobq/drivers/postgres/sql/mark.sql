-- A transaction number, and an instant before it was given out: whatever is not seen at the next look is younger.
SELECT pg_current_xact_id()::text, statement_timestamp()
