-- Workers whose lease has ended are lost, for good. Not after an outage, in which nobody could renew: the server must
-- have been up, and this driver must have had its answers, for as long as the lease. A claim that is under way is
-- waited for, so that what it took is there when the jobs are taken back.
WITH late AS MATERIALIZED (
  SELECT s.number FROM jobq.session AS s
  WHERE s.state <> 'lost' AND s.lease_until <= clock_timestamp()
    AND s.lease <= %(healthy_for)s
    AND pg_postmaster_start_time() <= clock_timestamp() - s.lease * interval '1 second'
  ORDER BY s.number
  FOR UPDATE
)
UPDATE jobq.session AS s SET state = 'lost', waiting = false FROM late WHERE s.number = late.number
RETURNING s.number
