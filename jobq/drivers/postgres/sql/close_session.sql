-- Sign off: nothing is claimed or renewed any more, and what is still held counts as lost.
UPDATE jobq.session SET state = 'lost', waiting = false, lease_until = least(lease_until, clock_timestamp())
WHERE number = %(session)s
RETURNING number
