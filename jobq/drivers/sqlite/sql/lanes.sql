-- The lanes that are newer than those already known.
SELECT id, queue, priority, name, partition_key FROM jobq_lane WHERE id > :after ORDER BY id
