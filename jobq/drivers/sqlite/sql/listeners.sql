-- Where to send a hint.
SELECT address FROM jobq_listener
