-- An entry in a job's history.
INSERT INTO jobq_attempt (job, attempt, type, message, traceback, at, worker)
VALUES (:job, :attempt, :type, :message, :traceback, :at, :worker)
