-- Keep progress and checkpoints of running jobs. No index is touched, so that the row stays where it is.
UPDATE jobq.job AS j SET
  percent = coalesce(note.percent, j.percent),
  message = CASE WHEN note.percent IS NULL THEN j.message ELSE note.message END,
  checkpoint = coalesce(note.checkpoint, j.checkpoint)
FROM json_to_recordset(%(notes)s::json) AS note (
  seq bigint, id text, token bigint, percent float8, message text, checkpoint text)
WHERE j.seq = note.seq AND j.token = note.token AND j.id = note.id
RETURNING j.seq
