-- Lost sessions that hold nothing any more, some time later, with what nobody has read in their inboxes.
WITH gone AS (
  DELETE FROM jobq.session AS s
  WHERE s.state = 'lost' AND s.lease_until < clock_timestamp() - interval '1 hour'
    AND NOT EXISTS (SELECT FROM jobq.job AS j WHERE j.session = s.number)
  RETURNING s.number
)
DELETE FROM jobq.command AS c USING gone WHERE c.session = gone.number
