-- Millrace, schema version 6: jobs with a key are enqueued by index, whatever the statistics say.
-- A function keeps the plans of its statements for the session. Those made while unique_key was empty after a vacuum read it whole, and
-- do so for each further job of a bulk: 20,000 of them took minutes instead of seconds. Each statement of the function has an index
-- that was made for it. A plan that may not use what it would have to is dear enough for the compiler, which no lookup is worth.

ALTER FUNCTION enqueue SET plan_cache_mode = force_generic_plan;
ALTER FUNCTION enqueue SET enable_seqscan = off;
ALTER FUNCTION enqueue SET enable_bitmapscan = off;
ALTER FUNCTION enqueue SET jit = off;

INSERT INTO millrace_version (version) VALUES (6);
