-- What ended in a window, by name. The 95th percentile is that of the runs that took place.
SELECT d.name,
  count(*) FILTER (WHERE d.state = 'completed'),
  count(*) FILTER (WHERE d.state = 'failed'),
  count(*) FILTER (WHERE d.state = 'cancelled'),
  avg(date_part('epoch', d.finished_at - d.started_at)),
  percentile_disc(0.95) WITHIN GROUP (ORDER BY date_part('epoch', d.finished_at - d.started_at))
FROM jobq.done AS d
WHERE d.finished_at >= statement_timestamp() - %(window)s * interval '1 second'
GROUP BY d.name ORDER BY d.name
