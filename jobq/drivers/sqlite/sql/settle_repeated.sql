-- Whether this claim was settled already, and nobody has claimed the job since and settled it again.
SELECT 1 FROM jobq_job WHERE id = :id AND settled_token = :token
UNION ALL
SELECT 1 FROM jobq_done WHERE id = :id AND settled_token = :token
