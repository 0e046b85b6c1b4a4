-- Workers whose lease is alive, oldest first, and how many jobs each has claimed and not settled.
SELECT s.id, s.name, s.host, s.pid, s.version, s.state, s.queues, s.names, s.processes, s.concurrency,
  (SELECT count(*) FROM jobq.job AS j WHERE j.session = s.number), s.started_at, s.lease_until
FROM jobq.session AS s
WHERE s.state <> 'lost' AND s.lease_until > statement_timestamp()
ORDER BY s.started_at, s.number
