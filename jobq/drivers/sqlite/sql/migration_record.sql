-- Note that a step was taken, in the transaction that took it.
INSERT INTO jobq_migration (number, title, applied_at)
VALUES (:number, :title, CAST(strftime('%s', 'now') AS INTEGER) * 1000000)
