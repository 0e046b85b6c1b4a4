-- Unique keys whose term is over.
DELETE FROM jobq_unique_key WHERE until <= :now
