-- Give back a unique key, if it is still this job's.
DELETE FROM jobq_unique_key WHERE name = :name AND key = :key AND job = :job
