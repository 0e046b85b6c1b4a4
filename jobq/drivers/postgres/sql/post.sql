-- Leave a message in a worker's inbox, and say so to whoever listens.
WITH posted AS (
  INSERT INTO jobq.command (session, command)
  SELECT s.number, %(command)s FROM jobq.session AS s WHERE s.id = %(id)s AND s.state <> 'lost'
  RETURNING number
)
SELECT posted.number, pg_notify('jobq', '') FROM posted
