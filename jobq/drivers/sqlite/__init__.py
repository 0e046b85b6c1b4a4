"""Jobs in one SQLite file: durable, shared by all processes of a host, without any server. The embedded default.

The tables are those of a larger store on purpose: live jobs stand apart from ended ones, errors in a history of their
own, unique keys in a table that is taken and freed with the job, workers as leases, messages in inboxes. What is
different follows from SQLite having one writer at a time: nothing has to be locked row by row, so that a verb reads,
decides in Python and writes, in one transaction that nobody can disturb. The cost: verbs of all processes queue up
behind each other, and each commit waits for the disk; batches share that wait.

`connection` borrows and gives back connections, `books` are the tables in a transaction, `standing` the state machine,
`claiming`, `producing` and `settling` the verbs, `inspector`, `operator` and `maintainer` the facets, `wake` the hints
between processes.
"""

from jobq.drivers.sqlite.driver import SqliteDriver, open_sqlite

__all__ = ["SqliteDriver", "open_sqlite"]
