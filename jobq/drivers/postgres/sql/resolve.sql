-- Ids that are, begin with or end with a part; a few of each kind are enough to tell one from many. The ends are
-- found in the index of the ids, which is read whole: ids are short, jobs are not.
(SELECT s.id FROM jobq.spec AS s WHERE s.id = %(part)s)
UNION ALL
(SELECT s.id FROM jobq.spec AS s WHERE s.id LIKE %(beginning)s LIMIT 4)
UNION ALL
(SELECT s.id FROM jobq.spec AS s WHERE right(s.id, %(length)s) = %(part)s LIMIT 4)
