-- A job of a page; one at a time, because a list of numbers would not be looked up in both tables but read through.
SELECT * FROM jobq_any WHERE seq = :seq
