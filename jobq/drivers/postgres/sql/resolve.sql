-- Ids that are, begin with or end with a part; a few of each kind are enough to tell one from many. The ends are
-- found in the index of the ids, which is read whole: ids are short, jobs are not.
(SELECT j.id FROM jobq.jobs AS j WHERE j.id = %(part)s)
UNION ALL
(SELECT j.id FROM jobq.jobs AS j WHERE j.id LIKE %(beginning)s LIMIT 4)
UNION ALL
(SELECT j.id FROM jobq.job AS j WHERE right(j.id, %(length)s) = %(part)s LIMIT 4)
UNION ALL
(SELECT d.id FROM jobq.done AS d WHERE right(d.id, %(length)s) = %(part)s LIMIT 4)
