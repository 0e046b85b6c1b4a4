-- Take what was posted to this session.
WITH taken AS (
  DELETE FROM jobq.command WHERE session = %(session)s RETURNING number, command
)
SELECT command FROM taken ORDER BY number
