-- Register such sessions again, as lost, so that their jobs are taken back like all others.
INSERT INTO jobq.session (
  number, id, name, host, pid, version, queues, names, processes, concurrency, state, lease, started_at, lease_until)
OVERRIDING SYSTEM VALUE
SELECT a.number::bigint, 'gone-' || a.number, 'unknown', '', 0, '', '{}', '{}', 0, 0, 'lost', 0, clock_timestamp(),
  clock_timestamp()
FROM json_array_elements_text(%(sessions)s::json) AS a (number)
ON CONFLICT (number) DO NOTHING
