-- Register a worker, and the handlers it has loaded.
WITH me AS (
  INSERT INTO jobq.session (
    id, name, host, pid, version, queues, names, processes, concurrency, lease, started_at, lease_until)
  SELECT
    info.id, info.name, info.host, info.pid, info.version, info.queues,
    ARRAY(SELECT h.value ->> 'name' FROM json_array_elements(info.handlers) AS h),
    info.processes, info.concurrency, %(lease)s, clock_timestamp(),
    clock_timestamp() + %(lease)s * interval '1 second'
  FROM json_to_record(%(info)s::json) AS info (
    id text, name text, host text, pid integer, version text, queues text[], processes integer,
    concurrency integer, handlers json)
  RETURNING number
), declared AS (
  INSERT INTO jobq.handler (name, info, declared_at)
  SELECT h.value ->> 'name', h.value::text, clock_timestamp()
  FROM json_array_elements(%(info)s::json -> 'handlers') AS h
  ORDER BY (h.value ->> 'name') COLLATE "C"
  ON CONFLICT (name) DO UPDATE SET info = excluded.info, declared_at = excluded.declared_at
)
SELECT me.number, pg_current_xact_id()::text, statement_timestamp() FROM me
