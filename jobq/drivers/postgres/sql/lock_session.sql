-- Wait until no claim of this session is under way.
SELECT s.number FROM jobq.session AS s WHERE s.number = %(session)s FOR UPDATE
