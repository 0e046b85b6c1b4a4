-- Strike off the workers whose lease has ended. One that still lives finds out when it renews, and claims nothing
-- before: no row is what being lost looks like.
DELETE FROM jobq_session WHERE lease_until <= :now
