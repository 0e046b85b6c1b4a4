-- The number of a lane. IS, because no partition key is a key of its own.
SELECT id
FROM jobq_lane
WHERE queue = :queue AND priority = :priority AND name = :name AND partition_key IS :key
