-- The histories of some jobs, each in the order in which things happened.
SELECT job, attempt, type, message, traceback, at, worker
FROM jobq_attempt
WHERE job IN (SELECT value FROM json_each(:seqs))
ORDER BY job, number
