-- A job that ran waits again. Whoever ran it holds nothing of it any more: its token is kept only so that a settlement
-- that is sent twice is recognised.
UPDATE jobq_job
SET
    state = :state,
    run_at = :run_at,
    attempt = :attempt,
    crashes = :crashes,
    losses = :losses,
    alone = :alone,
    token = NULL,
    session = NULL,
    worker = NULL,
    started_at = NULL,
    settled_token = ifnull(:token, settled_token),
    updated_at = :now
WHERE seq = :seq
