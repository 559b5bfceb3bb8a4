-- Millrace, schema version 5: what a row must be is checked where it enters, not again with every phase.

-- Every job comes in through one of these two, from whatever program, and is moved on by statements that keep what was checked:
-- checking all of it again at claim and at completion was a seventh of what the two cost (docs/performance.md).
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
    entry text;
BEGIN
    FOREACH entry IN ARRAY ARRAY['job_available', 'job_deferred'] LOOP
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
            entry);
    END LOOP;
END $$;

INSERT INTO millrace_version (version) VALUES (5);
