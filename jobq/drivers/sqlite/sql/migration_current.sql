-- The last step that was taken.
SELECT ifnull(max(number), 0) AS number FROM jobq_migration
