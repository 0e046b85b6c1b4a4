-- Numbers of sessions that hold jobs and are not registered: somebody has deleted their rows. From session to
-- session through the index, without reading what is between.
WITH RECURSIVE step AS (
  (SELECT j.session FROM jobq.job AS j WHERE j.session IS NOT NULL ORDER BY j.session LIMIT 1)
  UNION ALL
  SELECT next.session FROM step
  CROSS JOIN LATERAL (
    SELECT j.session FROM jobq.job AS j WHERE j.session > step.session ORDER BY j.session LIMIT 1
  ) AS next
)
SELECT step.session FROM step
WHERE NOT EXISTS (SELECT FROM jobq.session AS s WHERE s.number = step.session)
