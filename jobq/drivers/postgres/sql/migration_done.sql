-- Remember that a step was applied.
INSERT INTO jobq.migration (number, title, works_with) VALUES (%(number)s, %(title)s, %(works_with)s)
