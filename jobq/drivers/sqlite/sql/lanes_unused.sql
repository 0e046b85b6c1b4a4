-- Lanes without any live job.
SELECT id FROM jobq_lane AS l WHERE NOT EXISTS (SELECT 1 FROM jobq_job AS j WHERE j.lane = l.id)
