-- Which of these claims have been settled before: whoever lost a reply asks again.
SELECT told.seq, told.token
FROM json_to_recordset(%(settlements)s::json) AS told (seq bigint, id text, token bigint)
JOIN jobq.spec AS s ON s.seq = told.seq AND s.id = told.id
WHERE EXISTS (SELECT FROM jobq.done AS d WHERE d.seq = told.seq AND d.settled_token = told.token)
   OR EXISTS (SELECT FROM jobq.job AS j WHERE j.seq = told.seq AND j.settled_token = told.token)
