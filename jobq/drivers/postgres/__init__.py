"""Jobs in a PostgreSQL database: for several hosts, with transactions that callers can join.

What decides the shape is that a table of jobs is written to death: each job is inserted, changed and deleted within
moments, and while somebody holds a snapshot open (a backup, a report, a forgotten session) nothing of what was
deleted can be cleaned up. So nothing on the way of a claim may ever read what is dead:

- `job` holds only live jobs; one that ends leaves for `done` in the transaction that ends it.
- A claim reads one *lane* (queue, priority, name, key) from where it was left on (`lanes`), through one index.
- What is new is read from an index on the time at which jobs come into line, from the last look on; and exactly,
  because a look remembers which transactions were still open (`horizon`). So jobs that nobody can run cost nothing,
  and a lane need not be looked into to see whether something has come.
- Leases belong to sessions, one row each; a claim never holds a transaction open while a job runs.

The cost: two indexes of the waiting line instead of one, and a worker that keeps in memory where it was. Whatever it
forgets, a survey of the table finds again. `docs/storage.md` has the measurements and the shapes that lost.

A verb is a statement in `sql/`, its parameters and the reading of its rows, without any I/O (`verbs`); `connections`
sends it. `claiming`, `producing` and `settling` are the verbs, `inspector`, `operator`, `maintainer` and `migrator`
the facets, `listen` the hints.
"""

from jobq.drivers.postgres.driver import PostgresDriver, open_postgres

__all__ = ["PostgresDriver", "open_postgres"]
