-- Whether the table of migrations is there at all: one row or none.
SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'jobq_migration'
