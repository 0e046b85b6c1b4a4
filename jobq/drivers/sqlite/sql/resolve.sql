-- Up to three ids that begin or end so. A beginning is a range of the index; an end means reading through it.
SELECT id FROM jobq_job WHERE id >= :part AND id < :part || char(1114111)
UNION
SELECT id FROM jobq_done WHERE id >= :part AND id < :part || char(1114111)
UNION
SELECT id FROM jobq_job WHERE substr(id, -length(:part)) = :part
UNION
SELECT id FROM jobq_done WHERE substr(id, -length(:part)) = :part
LIMIT 3
