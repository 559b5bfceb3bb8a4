-- Millrace, schema version 5: history is not checked again.

-- A job is written to history by statements that keep what was checked before; checking all of it a third time was a twelfth of what
-- a completion costs (docs/performance.md). Every other phase keeps its checks: a row that is changed by hand while it runs would else
-- make the completion, the release or the rescue of others fail with its own.
ALTER TABLE job
    DROP CONSTRAINT job_kind_1_to_128_characters,
    DROP CONSTRAINT job_queue_1_to_128_characters,
    DROP CONSTRAINT job_priority_1_to_4,
    DROP CONSTRAINT job_max_attempts_at_least_1,
    DROP CONSTRAINT job_attempt_0_to_max_attempts,
    DROP CONSTRAINT job_timeout_positive,
    DROP CONSTRAINT job_metadata_is_object,
    DROP CONSTRAINT job_errors_is_array,
    DROP CONSTRAINT job_unique_states_known;

DO $$
DECLARE
    phase text;
BEGIN
    FOREACH phase IN ARRAY ARRAY['job_available', 'job_deferred', 'job_running'] LOOP
        EXECUTE format($ddl$
            ALTER TABLE %I
                ADD CONSTRAINT job_kind_1_to_128_characters CHECK (length(kind) BETWEEN 1 AND 128),
                ADD CONSTRAINT job_queue_1_to_128_characters CHECK (length(queue) BETWEEN 1 AND 128),
                ADD CONSTRAINT job_priority_1_to_4 CHECK (priority BETWEEN 1 AND 4),
                ADD CONSTRAINT job_max_attempts_at_least_1 CHECK (max_attempts >= 1),
                ADD CONSTRAINT job_attempt_0_to_max_attempts CHECK (attempt BETWEEN 0 AND max_attempts),
                ADD CONSTRAINT job_timeout_positive CHECK (timeout > interval '0'),
                ADD CONSTRAINT job_metadata_is_object CHECK (jsonb_typeof(metadata) = 'object'),
                ADD CONSTRAINT job_errors_is_array CHECK (jsonb_typeof(errors) = 'array'),
                ADD CONSTRAINT job_unique_states_known CHECK (unique_states <@ '{running,completed,cancelled,discarded}')$ddl$,
            phase);
    END LOOP;
END $$;

INSERT INTO millrace_version (version) VALUES (5);
