-- Which of these claims have been settled before: whoever lost a reply asks again.
SELECT told.id, told.token
FROM json_to_recordset(%(settlements)s::json) AS told (id text, token text)
WHERE EXISTS (SELECT FROM jobq.done AS d WHERE d.id = told.id AND d.settled_token::text = told.token)
   OR EXISTS (SELECT FROM jobq.job AS j WHERE j.id = told.id AND j.settled_token::text = told.token)
