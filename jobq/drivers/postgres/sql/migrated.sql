-- Whether there is a schema at all.
SELECT pg_catalog.to_regclass('jobq.migration') IS NOT NULL
