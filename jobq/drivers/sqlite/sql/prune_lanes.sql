-- Lanes that were found to be unused in the same transaction.
DELETE FROM jobq_lane WHERE id IN (SELECT value FROM json_each(:lanes))
