-- What the worker says it is doing.
UPDATE jobq.session SET state = %(state)s, processes = %(processes)s
WHERE number = %(session)s AND state <> 'lost'
RETURNING number
