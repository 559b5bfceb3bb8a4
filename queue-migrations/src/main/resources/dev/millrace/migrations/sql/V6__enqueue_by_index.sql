-- Millrace, schema version 6: jobs with a key are enqueued by index, whatever the statistics say.
-- A function keeps the plans of its statements for the session. Those made while unique_key was empty after a vacuum read it whole, and
-- do so for each further job of a bulk: 20,000 of them took 12.6 s instead of 3.5. Each statement of the function has an index
-- that was made for it. A scan that is disabled but can't be avoided is given a cost at which the server would compile it: so jit is off.

ALTER FUNCTION enqueue SET plan_cache_mode = force_generic_plan;
ALTER FUNCTION enqueue SET enable_seqscan = off;
ALTER FUNCTION enqueue SET enable_bitmapscan = off;
ALTER FUNCTION enqueue SET jit = off;

INSERT INTO millrace_version (version) VALUES (6);
