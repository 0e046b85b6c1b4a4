-- How many jobs of each queue are in each state, and the oldest time among them.
SELECT j.queue, j.state, count(*), min(j.run_at) FROM jobq.jobs AS j GROUP BY j.queue, j.state ORDER BY j.queue, j.state
