-- A lane that was looked for in the same transaction and is not there.
INSERT INTO jobq_lane (queue, priority, name, partition_key) VALUES (:queue, :priority, :name, :key)
