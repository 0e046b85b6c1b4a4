-- Workers whose lease is alive, oldest first, and how many jobs each has in its hands.
SELECT
    s.info, s.state, s.processes, s.started_at, s.lease_until,
    (SELECT count(*) FROM jobq_job AS j WHERE j.session = s.id) AS running
FROM jobq_session AS s
WHERE s.lease_until > :now
ORDER BY s.number
