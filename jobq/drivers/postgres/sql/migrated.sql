-- Whether there is a schema at all. Asked of the catalog itself: a name that was missing a moment ago is remembered as
-- missing, also while one waits for somebody else's migration to end.
SELECT EXISTS (
  SELECT FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  WHERE n.nspname = 'jobq' AND c.relname = 'migration')
