-- Millrace, schema version 2: uniqueness, cancelling, retention, and what is done to jobs from outside: enqueue with a unique
-- key, cancel, retry, edit, delete, pause. These are functions, so that Java, the command line and plain SQL do the same thing.
-- None of them is on the path of a job that is enqueued without a key, claimed and completed.

ALTER TABLE job
    ADD COLUMN cancel_requested_at timestamptz,
    ADD COLUMN retry_policy text,
    ADD COLUMN unique_states text[],
    ADD CONSTRAINT job_unique_states_known CHECK (unique_states <@ '{running,completed,cancelled,discarded}');
COMMENT ON COLUMN job.cancel_requested_at IS 'Set while the job runs and is to be cancelled: whatever else its attempt comes to, it does not run again';
COMMENT ON COLUMN job.retry_policy IS 'Wait before the next attempt: ''fixed 10s'', ''exponential 1s 2.0 1h'' (first, factor, most), or NULL for the policy of its kind';
COMMENT ON COLUMN job.unique_key IS 'What it is unique by; whether it holds the key is said by the table unique_key';
COMMENT ON COLUMN job.unique_states IS 'States besides the waiting ones in which it holds its key; the key is released when it enters another';

-- Jobs are looked up by id in every phase.
CREATE UNIQUE INDEX job_available_id ON job_available (id);
-- A worker that was told, or that missed being told, finds what it is to cancel without reading what else runs.
CREATE INDEX job_running_cancel ON job_running (attempted_by) WHERE cancel_requested_at IS NOT NULL;
-- Dead letters are few among what was completed, and are looked for among all of it.
CREATE INDEX job_finalized_not_completed ON job_finalized (id) WHERE state IN ('cancelled', 'discarded');
-- For keys to be released before a day of history is dropped.
CREATE INDEX job_finalized_unique ON job_finalized (id) WHERE unique_key IS NOT NULL;

ALTER TABLE unique_key SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000, autovacuum_vacuum_cost_delay = 0);

ALTER TABLE queue
    ADD COLUMN slots integer,
    ADD CONSTRAINT queue_slots_1_to_10000 CHECK (slots BETWEEN 1 AND 10000);
COMMENT ON COLUMN queue.slots IS 'Jobs at once on each worker; NULL leaves it to the workers';

-- How long history is kept. Queue '' stands for every queue that has no row of its own for the state.
CREATE TABLE retention (
    queue text NOT NULL DEFAULT '',
    state text NOT NULL,
    keep interval NOT NULL,
    PRIMARY KEY (queue, state),
    CONSTRAINT retention_state_final CHECK (state IN ('completed', 'cancelled', 'discarded')),
    CONSTRAINT retention_keep_not_negative CHECK (keep >= interval '0')
);
COMMENT ON COLUMN retention.keep IS 'At least this long; zero: deleted when a worker ends it, or soon after';
INSERT INTO retention (state, keep) VALUES
    ('completed', interval '24 hours'), ('cancelled', interval '24 hours'), ('discarded', interval '7 days');

-- Errors are bounded in number: the newest 25 are kept.
CREATE FUNCTION append_error(errors jsonb, error jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN error IS NULL THEN errors
    WHEN errors IS NULL THEN '[]'::jsonb || error
    WHEN jsonb_array_length(errors) >= 25 THEN (errors - 0) || error
    ELSE errors || error
END;

-- The key of a job that is unique by 'kind' (or 'any_kind'), 'queue', 'args', 'args.FIELD'…, 'word', in a window of time where a
-- period is given: 16 bytes. A field may be a path: 'args.customer.id'.
CREATE FUNCTION unique_key_of(
    unique_by text[], kind text, queue text, args jsonb, word text, period interval, moment timestamptz) RETURNS bytea
LANGUAGE sql STABLE PARALLEL SAFE
RETURN substring(sha256(convert_to(jsonb_build_array(
        CASE WHEN 'any_kind' <> ALL (unique_by) THEN kind END,
        CASE WHEN 'queue' = ANY (unique_by) THEN queue END,
        CASE WHEN 'args' = ANY (unique_by) THEN args
            ELSE (SELECT jsonb_object_agg(f, args #> string_to_array(substr(f, 6), '.'))
                FROM unnest(unique_by) AS f WHERE f LIKE 'args.%') END,
        CASE WHEN 'word' = ANY (unique_by) THEN word END,
        floor(extract(epoch FROM moment) / extract(epoch FROM period))
    )::text, 'UTF8')) FOR 16);

-- The functions below take ids and answer with an outcome for each, once for ids that are given twice; NULL is no id. In READ
-- COMMITTED every statement in them sees what was committed before it, so a job that moves from one phase to another between two
-- of them is found by the next round; in REPEATABLE READ it is SQLSTATE 40001, as for any row that another has changed. Each round
-- first locks what it will touch, in the order of the ids whatever the partition and the plan, and then touches nothing else: two
-- operators at once wait for each other, and do not deadlock. Plans are not kept: one made while a partition was empty would read
-- it whole for as long as the session lives.

-- Cancels: what waits at once; what runs is marked, and its worker told.
-- Outcomes: cancelled, requested (it runs: its handler is asked to stop), final, not_found.
CREATE FUNCTION cancel_jobs(ids bigint[]) RETURNS TABLE (id bigint, outcome text)
LANGUAGE plpgsql SET search_path FROM CURRENT SET plan_cache_mode = force_custom_plan AS $$
#variable_conflict use_column
DECLARE
    rest bigint[] := ARRAY (SELECT DISTINCT i FROM unnest(ids) AS i WHERE i IS NOT NULL);
    held bigint[];
    cancelled bigint[];
    requested bigint[];
    final bigint[];
    again bigint[];
BEGIN
    FOR round IN 1..10 LOOP
        held := ARRAY (SELECT j.id FROM job AS j
            WHERE j.id = ANY (rest) AND j.state IN ('available', 'scheduled', 'retryable', 'pending', 'running')
            ORDER BY j.id FOR UPDATE);
        WITH gone AS (
            DELETE FROM job AS j WHERE j.id = ANY (held) AND j.state IN ('available', 'scheduled', 'retryable', 'pending') RETURNING *
        ), freed AS (
            DELETE FROM unique_key AS k USING gone AS g
            WHERE k.key = g.unique_key AND k.job_id = g.id AND 'cancelled' <> ALL (g.unique_states)
        ), ended AS (
            INSERT INTO job_finalized (id, run_order, created_at, scheduled_at, attempted_at, attempted_by, finalized_at, priority,
                attempt, max_attempts, state, queue, kind, args, timeout, tags, metadata, errors, unique_key, unique_states, retry_policy)
            SELECT id, run_order, created_at, scheduled_at, attempted_at, attempted_by, clock_timestamp(), priority,
                attempt, max_attempts, 'cancelled', queue, kind, args, timeout, tags, metadata, errors, unique_key, unique_states, retry_policy
            FROM gone
            RETURNING id
        )
        SELECT coalesce(array_agg(e.id), '{}') INTO cancelled FROM ended AS e;
        RETURN QUERY SELECT i, 'cancelled' FROM unnest(cancelled) AS i;
        rest := ARRAY (SELECT i FROM unnest(rest) AS i WHERE i <> ALL (cancelled));
        WITH marked AS (
            UPDATE job_running AS r SET cancel_requested_at = coalesce(r.cancel_requested_at, clock_timestamp())
            WHERE r.id = ANY (held)
            RETURNING r.id
        )
        SELECT coalesce(array_agg(m.id), '{}') INTO requested FROM marked AS m;
        IF cardinality(requested) > 0 THEN
            PERFORM pg_notify(current_schema(), 'cancel');
            RETURN QUERY SELECT i, 'requested' FROM unnest(requested) AS i;
            rest := ARRAY (SELECT i FROM unnest(rest) AS i WHERE i <> ALL (requested));
        END IF;
        EXIT WHEN cardinality(rest) = 0;
        SELECT coalesce(array_agg(j.id) FILTER (WHERE j.state IN ('completed', 'cancelled', 'discarded')), '{}'),
            coalesce(array_agg(j.id) FILTER (WHERE j.state NOT IN ('completed', 'cancelled', 'discarded')), '{}')
            INTO final, again FROM job AS j WHERE j.id = ANY (rest);
        RETURN QUERY SELECT i, 'final' FROM unnest(final) AS i;
        RETURN QUERY SELECT i, 'not_found' FROM unnest(rest) AS i WHERE i <> ALL (final) AND i <> ALL (again);
        rest := again;
        EXIT WHEN cardinality(rest) = 0;
    END LOOP;
    IF cardinality(rest) > 0 THEN
        RAISE serialization_failure USING MESSAGE = format('jobs %s kept moving while they were to be cancelled', rest),
            HINT = 'Try again';
    END IF;
END $$;

-- Makes jobs available now: what is final, failed, scheduled or pending. Errors and attempts stay on record; a job that has used
-- its attempts up gets one more. A unique key is taken again, and where another job holds it meanwhile nothing is changed.
-- Outcomes: retried, available (it was), running, key_taken, not_found.
CREATE FUNCTION retry_jobs(ids bigint[]) RETURNS TABLE (id bigint, outcome text)
LANGUAGE plpgsql SET search_path FROM CURRENT SET plan_cache_mode = force_custom_plan AS $$
#variable_conflict use_column
DECLARE
    rest bigint[] := ARRAY (SELECT DISTINCT i FROM unnest(ids) AS i WHERE i IS NOT NULL);
    held bigint[];
    keyed bigint[];
    keys bytea[];
    had bigint[];
    refused bigint[];
    retried bigint[];
    as_is bigint[];
    again bigint[];
    woken text;
BEGIN
    FOR round IN 1..10 LOOP
        -- A key is taken only for a job that is held, and so still there to be moved.
        held := ARRAY (SELECT j.id FROM job AS j
            WHERE j.id = ANY (rest) AND j.state IN ('scheduled', 'retryable', 'pending', 'completed', 'cancelled', 'discarded')
            ORDER BY j.id FOR UPDATE);
        SELECT coalesce(array_agg(j.id), '{}'), coalesce(array_agg(j.unique_key), '{}') INTO keyed, keys FROM job AS j
            WHERE j.id = ANY (held) AND j.unique_key IS NOT NULL AND j.state IN ('completed', 'cancelled', 'discarded');
        refused := '{}';
        IF cardinality(keyed) > 0 THEN
            -- A key that the job still holds is written anew: whoever is about to free it, since the job was final, finds it gone.
            WITH freed AS (
                DELETE FROM unique_key AS k USING unnest(keyed, keys) AS w (id, key) WHERE k.key = w.key AND k.job_id = w.id
                RETURNING k.job_id
            )
            SELECT coalesce(array_agg(f.job_id), '{}') INTO had FROM freed AS f;
            WITH taken AS (
                INSERT INTO unique_key (key, job_id)
                SELECT w.key, w.id FROM unnest(keyed, keys) AS w (id, key) ORDER BY w.key, w.id <> ALL (had)
                ON CONFLICT DO NOTHING
                RETURNING job_id
            )
            SELECT coalesce(array_agg(w), '{}') INTO refused FROM unnest(keyed) AS w
                WHERE NOT EXISTS (SELECT FROM taken AS t WHERE t.job_id = w);
        END IF;
        RETURN QUERY SELECT i, 'key_taken' FROM unnest(refused) AS i;
        rest := ARRAY (SELECT i FROM unnest(rest) AS i WHERE i <> ALL (refused));
        WITH gone AS (
            DELETE FROM job AS j
            WHERE j.id = ANY (held) AND j.id <> ALL (refused) AND j.state IN ('scheduled', 'retryable', 'pending', 'completed', 'cancelled', 'discarded')
            RETURNING *
        ), moved AS (
            INSERT INTO job_available (id, run_order, created_at, scheduled_at, attempted_at, attempted_by, priority,
                attempt, max_attempts, state, queue, kind, args, timeout, tags, metadata, errors, unique_key, unique_states, retry_policy)
            SELECT id, nextval('job_seq'), created_at, least(scheduled_at, clock_timestamp()), attempted_at, attempted_by, priority,
                -- One attempt must be left to count: a claim that overflows would fail for every job beside this one.
                least(attempt, 32766), greatest(max_attempts, least(attempt + 1, 32767)), 'available', queue, kind, args, timeout, tags, metadata,
                errors, unique_key, unique_states, retry_policy
            FROM (SELECT * FROM gone ORDER BY id OFFSET 0) AS gone
            RETURNING id, queue
        )
        SELECT coalesce(array_agg(m.id), '{}') INTO retried FROM moved AS m;
        RETURN QUERY SELECT i, 'retried' FROM unnest(retried) AS i;
        FOR woken IN SELECT DISTINCT a.queue FROM job_available AS a WHERE a.id = ANY (retried) LOOP
            PERFORM pg_notify(current_schema(), 'available ' || woken);
        END LOOP;
        rest := ARRAY (SELECT i FROM unnest(rest) AS i WHERE i <> ALL (retried));
        EXIT WHEN cardinality(rest) = 0;
        SELECT coalesce(array_agg(j.id) FILTER (WHERE j.state IN ('available', 'running')), '{}'),
            coalesce(array_agg(j.id) FILTER (WHERE j.state NOT IN ('available', 'running')), '{}')
            INTO as_is, again FROM job AS j WHERE j.id = ANY (rest);
        -- Which of the two may have changed since: both are true of a job that is being worked on.
        RETURN QUERY SELECT i, CASE WHEN EXISTS (SELECT FROM job_running AS r WHERE r.id = i) THEN 'running' ELSE 'available' END
            FROM unnest(as_is) AS i;
        RETURN QUERY SELECT i, 'not_found' FROM unnest(rest) AS i WHERE i <> ALL (as_is) AND i <> ALL (again);
        rest := again;
        EXIT WHEN cardinality(rest) = 0;
    END LOOP;
    IF cardinality(rest) > 0 THEN
        RAISE serialization_failure USING MESSAGE = format('jobs %s kept moving while they were to be retried', rest),
            HINT = 'Try again';
    END IF;
END $$;

-- Deletes jobs that do not run, with their history.
-- Outcomes: deleted, running, not_found.
CREATE FUNCTION delete_jobs(ids bigint[]) RETURNS TABLE (id bigint, outcome text)
LANGUAGE plpgsql SET search_path FROM CURRENT SET plan_cache_mode = force_custom_plan AS $$
#variable_conflict use_column
DECLARE
    rest bigint[] := ARRAY (SELECT DISTINCT i FROM unnest(ids) AS i WHERE i IS NOT NULL);
    held bigint[];
    deleted bigint[];
    running bigint[];
    again bigint[];
BEGIN
    FOR round IN 1..10 LOOP
        held := ARRAY (SELECT j.id FROM job AS j WHERE j.id = ANY (rest) AND j.state <> 'running' ORDER BY j.id FOR UPDATE);
        WITH gone AS (
            DELETE FROM job AS j WHERE j.id = ANY (held) AND j.state <> 'running' RETURNING j.id, j.unique_key
        ), freed AS (
            DELETE FROM unique_key AS k USING gone AS g WHERE k.key = g.unique_key AND k.job_id = g.id
        )
        SELECT coalesce(array_agg(g.id), '{}') INTO deleted FROM gone AS g;
        RETURN QUERY SELECT i, 'deleted' FROM unnest(deleted) AS i;
        rest := ARRAY (SELECT i FROM unnest(rest) AS i WHERE i <> ALL (deleted));
        EXIT WHEN cardinality(rest) = 0;
        SELECT coalesce(array_agg(j.id) FILTER (WHERE j.state = 'running'), '{}'),
            coalesce(array_agg(j.id) FILTER (WHERE j.state <> 'running'), '{}')
            INTO running, again FROM job AS j WHERE j.id = ANY (rest);
        RETURN QUERY SELECT i, 'running' FROM unnest(running) AS i;
        RETURN QUERY SELECT i, 'not_found' FROM unnest(rest) AS i WHERE i <> ALL (running) AND i <> ALL (again);
        rest := again;
        EXIT WHEN cardinality(rest) = 0;
    END LOOP;
    IF cardinality(rest) > 0 THEN
        RAISE serialization_failure USING MESSAGE = format('jobs %s kept moving while they were to be deleted', rest),
            HINT = 'Try again';
    END IF;
END $$;

-- Changes jobs that wait. A job that stays in its lane keeps its place. What is left out of changes stays as it is; it may hold
-- args, queue, priority, max_attempts, scheduled_at, timeout, tags, metadata, retry_policy; null takes the last four away. Fewer
-- max_attempts than were begun become as many as were begun. The unique key stays what it was.
-- Outcomes: changed, not_waiting, not_found.
CREATE FUNCTION edit_jobs(ids bigint[], changes jsonb) RETURNS TABLE (id bigint, outcome text)
LANGUAGE plpgsql SET search_path FROM CURRENT SET plan_cache_mode = force_custom_plan AS $$
#variable_conflict use_column
DECLARE
    wrong text;
    rest bigint[] := ARRAY (SELECT DISTINCT i FROM unnest(ids) AS i WHERE i IS NOT NULL);
    held bigint[];
    changed bigint[];
    as_is bigint[];
    again bigint[];
    due timestamptz;
BEGIN
    IF jsonb_typeof(changes) IS DISTINCT FROM 'object' THEN
        RAISE invalid_parameter_value USING MESSAGE = format('changes %s are not a JSON object', coalesce(changes::text, 'NULL')),
            HINT = 'Write what is to change as {"priority": 1, "scheduled_at": "2030-01-31T12:00:00Z"}';
    END IF;
    SELECT format('%s of a job can not become %s: %s', c.key, left(c.value::text, 100), c.allowed) INTO wrong
        FROM (SELECT e.key, e.value, CASE e.key
                WHEN 'args' THEN NULL
                WHEN 'queue' THEN CASE WHEN jsonb_typeof(e.value) <> 'string' OR length(e.value #>> '{}') NOT BETWEEN 1 AND 128
                    THEN 'it is text of 1 to 128 characters' END
                WHEN 'priority' THEN CASE WHEN e.value::text !~ '^[1-4]$' THEN 'it is 1 (first) to 4 (last)' END
                WHEN 'max_attempts' THEN CASE WHEN NOT CASE WHEN e.value::text ~ '^[0-9]{1,5}$'
                    THEN e.value::text::integer BETWEEN 1 AND 32767 ELSE false END THEN 'it is 1 to 32767' END
                WHEN 'scheduled_at' THEN CASE WHEN jsonb_typeof(e.value) <> 'string'
                    THEN 'it is text, a moment such as "2030-01-31T12:00:00Z"' END
                WHEN 'timeout' THEN CASE WHEN jsonb_typeof(e.value) NOT IN ('string', 'null')
                    THEN 'it is text, an interval such as "90 s", or null' END
                WHEN 'tags' THEN CASE WHEN jsonb_typeof(e.value) NOT IN ('array', 'null')
                        OR jsonb_path_exists(e.value, '$[*] ? (@.type() != "string")') AND jsonb_typeof(e.value) = 'array'
                    THEN 'they are an array of texts, or null' END
                WHEN 'metadata' THEN CASE WHEN jsonb_typeof(e.value) NOT IN ('object', 'null') THEN 'it is an object, or null' END
                WHEN 'retry_policy' THEN CASE WHEN jsonb_typeof(e.value) NOT IN ('string', 'null') THEN 'it is text, or null' END
                ELSE 'what can change is args, queue, priority, max_attempts, scheduled_at, timeout, tags, metadata, retry_policy'
            END AS allowed FROM jsonb_each(changes) AS e) AS c
        WHERE c.allowed IS NOT NULL
        LIMIT 1;
    IF wrong IS NOT NULL THEN
        RAISE invalid_parameter_value USING MESSAGE = wrong, HINT = 'Nothing was changed';
    END IF;
    due := (changes ->> 'scheduled_at')::timestamptz;
    FOR round IN 1..10 LOOP
        held := ARRAY (SELECT j.id FROM job AS j
            WHERE j.id = ANY (rest) AND j.state IN ('available', 'scheduled', 'retryable', 'pending')
            ORDER BY j.id FOR UPDATE);
        WITH gone AS (
            DELETE FROM job AS j WHERE j.id = ANY (held) AND j.state IN ('available', 'scheduled', 'retryable', 'pending') RETURNING *
        ), target AS (
            SELECT g.*,
                coalesce(changes ->> 'queue', g.queue) AS new_queue,
                coalesce((changes ->> 'priority')::smallint, g.priority) AS new_priority,
                CASE WHEN due IS NULL OR g.state IN ('retryable', 'pending') THEN g.state
                    WHEN due > clock_timestamp() THEN 'scheduled'
                    ELSE 'available' END AS new_state
            FROM gone AS g
        ), put AS (
            INSERT INTO job (id, run_order, created_at, scheduled_at, attempted_at, attempted_by, priority, attempt, max_attempts, state,
                queue, kind, args, timeout, tags, metadata, errors, unique_key, unique_states, retry_policy)
            SELECT t.id,
                CASE WHEN t.state = 'available' AND t.new_queue = t.queue AND t.new_priority = t.priority THEN t.run_order
                    ELSE nextval('job_seq') END,
                t.created_at,
                coalesce(due, t.scheduled_at),
                t.attempted_at, t.attempted_by, t.new_priority, t.attempt,
                greatest(t.attempt, coalesce((changes ->> 'max_attempts')::smallint, t.max_attempts)),
                t.new_state, t.new_queue, t.kind,
                coalesce(changes -> 'args', t.args),
                CASE WHEN changes ? 'timeout' THEN (changes ->> 'timeout')::interval ELSE t.timeout END,
                CASE WHEN NOT changes ? 'tags' THEN t.tags
                    WHEN jsonb_typeof(changes -> 'tags') = 'null' THEN NULL
                    ELSE ARRAY (SELECT jsonb_array_elements_text(changes -> 'tags')) END,
                CASE WHEN changes ? 'metadata' THEN nullif(changes -> 'metadata', 'null') ELSE t.metadata END,
                t.errors, t.unique_key, t.unique_states,
                CASE WHEN changes ? 'retry_policy' THEN changes ->> 'retry_policy' ELSE t.retry_policy END
            FROM target AS t
            RETURNING id, queue, state
        ), woken AS (
            SELECT pg_notify(current_schema(), w.word) FROM (SELECT DISTINCT CASE state WHEN 'available' THEN 'available ' || queue
                ELSE 'due' END AS word FROM put) AS w
        )
        SELECT coalesce(array_agg(p.id), '{}') INTO changed FROM put AS p WHERE (SELECT count(*) FROM woken) >= 0;
        RETURN QUERY SELECT i, 'changed' FROM unnest(changed) AS i;
        rest := ARRAY (SELECT i FROM unnest(rest) AS i WHERE i <> ALL (changed));
        EXIT WHEN cardinality(rest) = 0;
        SELECT coalesce(array_agg(j.id) FILTER (WHERE j.state IN ('running', 'completed', 'cancelled', 'discarded')), '{}'),
            coalesce(array_agg(j.id) FILTER (WHERE j.state IN ('available', 'scheduled', 'retryable', 'pending')), '{}')
            INTO as_is, again FROM job AS j WHERE j.id = ANY (rest);
        RETURN QUERY SELECT i, 'not_waiting' FROM unnest(as_is) AS i;
        RETURN QUERY SELECT i, 'not_found' FROM unnest(rest) AS i WHERE i <> ALL (as_is) AND i <> ALL (again);
        rest := again;
        EXIT WHEN cardinality(rest) = 0;
    END LOOP;
    IF cardinality(rest) > 0 THEN
        RAISE serialization_failure USING MESSAGE = format('jobs %s kept moving while they were to be changed', rest),
            HINT = 'Try again';
    END IF;
END $$;

-- Enqueues one job, unique if unique_by is given: of 'kind' (implied unless 'any_kind'), 'queue', 'args', 'args.FIELD'…, and 'word'
-- for unique_word. unique_for adds a window of time, aligned to 1970, in which the job is due. While another job holds the key,
-- on_conflict says: 'skip' (nothing is inserted, and the row of the other is not touched), 'replace' (what replace names of it, if
-- it waits), 'debounce' (its time is pushed to this one's, if it waits).
-- Outcomes: inserted, skipped, replaced; id is that of the job that holds the key.
CREATE FUNCTION enqueue(
    kind text,
    args jsonb DEFAULT '{}',
    queue text DEFAULT 'default',
    priority integer DEFAULT 2,
    max_attempts integer DEFAULT 25,
    scheduled_at timestamptz DEFAULT NULL,
    timeout interval DEFAULT NULL,
    tags text[] DEFAULT NULL,
    metadata jsonb DEFAULT NULL,
    retry_policy text DEFAULT NULL,
    unique_by text[] DEFAULT NULL,
    unique_word text DEFAULT NULL,
    unique_for interval DEFAULT NULL,
    unique_states text[] DEFAULT '{running}',
    on_conflict text DEFAULT 'skip',
    replace text[] DEFAULT '{args}',
    wake boolean DEFAULT true,
    reserved_id bigint DEFAULT NULL,
    OUT id bigint,
    OUT outcome text)
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
#variable_conflict use_variable
DECLARE
    due timestamptz := coalesce(scheduled_at, clock_timestamp());
    place bigint := nextval('job_seq');
    mine bigint := coalesce(reserved_id, place);
    the_key bytea;
    holder bigint;
    held_in text[];
    its_state text;
    queued boolean := false;
    changes jsonb;
BEGIN
    IF unique_by IS NOT NULL THEN
        unique_states := coalesce(unique_states, '{}');
        IF on_conflict NOT IN ('skip', 'replace', 'debounce') THEN
            RAISE invalid_parameter_value USING MESSAGE = format('on_conflict %L is unknown', on_conflict),
                HINT = 'It is one of skip, replace, debounce';
        END IF;
        IF on_conflict = 'replace'
            AND NOT replace <@ '{args,priority,max_attempts,scheduled_at,timeout,tags,metadata,retry_policy}' THEN
            RAISE invalid_parameter_value USING MESSAGE = format('replace %s is not possible', replace),
                HINT = 'Use args, priority, max_attempts, scheduled_at, timeout, tags, metadata, retry_policy';
        END IF;
        IF EXISTS (SELECT FROM unnest(unique_by) AS u
            WHERE u NOT LIKE 'args._%' AND u <> ALL ('{kind,any_kind,queue,args,word}') IS NOT FALSE) THEN
            RAISE invalid_parameter_value USING MESSAGE = format('unique_by %s is not possible', unique_by),
                HINT = 'Use kind, any_kind, queue, args or args.FIELD, word';
        END IF;
        IF 'word' = ANY (unique_by) AND unique_word IS NULL THEN
            RAISE invalid_parameter_value USING MESSAGE = 'unique_by has word, but there is no unique_word',
                HINT = 'Give unique_word';
        END IF;
        IF unique_for <= interval '0' THEN
            RAISE invalid_parameter_value USING MESSAGE = format('unique_for %s is not positive', unique_for),
                HINT = 'Give a period such as ''1 hour'', or none';
        END IF;
        the_key := unique_key_of(unique_by, kind, queue, args, unique_word, unique_for, due);
        FOR round IN 1..20 LOOP
            INSERT INTO unique_key AS k (key, job_id) VALUES (the_key, mine) ON CONFLICT DO NOTHING;
            EXIT WHEN FOUND;
            SELECT k.job_id INTO holder FROM unique_key AS k WHERE k.key = the_key;
            CONTINUE WHEN NOT FOUND;
            SELECT j.state, j.unique_states INTO its_state, held_in FROM job AS j WHERE j.id = holder;
            IF its_state IS NULL OR NOT (its_state IN ('available', 'scheduled', 'retryable', 'pending') OR its_state = ANY (held_in)) THEN
                -- Somebody has deleted or moved the job by hand: its key is not held any more.
                -- Looked at once more by the statement that frees it: it may have been retried since, and hold it again.
                DELETE FROM unique_key AS k WHERE k.key = the_key AND k.job_id = holder
                    AND NOT EXISTS (SELECT FROM job AS j WHERE j.id = holder
                        AND (j.state IN ('available', 'scheduled', 'retryable', 'pending') OR j.state = ANY (held_in)));
                CONTINUE;
            END IF;
            IF on_conflict <> 'skip' AND its_state IN ('available', 'scheduled', 'retryable', 'pending') THEN
                -- Many who change one job queue here: on its row, which each of them writes anew, some would never get their turn.
                IF NOT queued THEN
                    PERFORM pg_advisory_xact_lock(hashtextextended('millrace ' || encode(the_key, 'hex'), 0));
                    queued := true;
                    CONTINUE;
                END IF;
                changes := CASE on_conflict WHEN 'debounce' THEN jsonb_build_object('scheduled_at', due) ELSE
                    (SELECT coalesce(jsonb_object_agg(e.key, e.value), '{}')
                    FROM jsonb_each(jsonb_build_object('args', args, 'priority', priority, 'max_attempts', max_attempts,
                        'scheduled_at', due, 'timeout', timeout, 'tags', to_jsonb(tags), 'metadata', metadata,
                        'retry_policy', retry_policy)) AS e
                    WHERE e.key = ANY (replace)) END;
                SELECT e.outcome INTO outcome FROM edit_jobs(ARRAY [holder], changes) AS e;
                CONTINUE WHEN outcome <> 'changed';
                id := holder;
                outcome := 'replaced';
                RETURN;
            END IF;
            id := holder;
            outcome := 'skipped';
            RETURN;
        END LOOP;
        IF NOT EXISTS (SELECT FROM unique_key AS k WHERE k.key = the_key AND k.job_id = mine) THEN
            RAISE serialization_failure USING MESSAGE = 'The unique key changed hands again and again', HINT = 'Try again';
        END IF;
    END IF;
    INSERT INTO job AS j (id, run_order, kind, args, queue, priority, max_attempts, state, scheduled_at, timeout, tags, metadata,
        retry_policy, unique_key, unique_states)
    VALUES (mine, place, kind, args, queue, priority, max_attempts,
        CASE WHEN due > clock_timestamp() THEN 'scheduled' ELSE 'available' END, due, timeout, tags, metadata,
        retry_policy, the_key, CASE WHEN the_key IS NOT NULL THEN unique_states END);
    IF wake THEN
        PERFORM pg_notify(current_schema(), CASE WHEN due > clock_timestamp() THEN 'due' ELSE 'available ' || queue END);
    END IF;
    id := mine;
    outcome := 'inserted';
END $$;

-- Pausing holds in the claim itself: at once, on every worker. What runs goes on.
CREATE FUNCTION pause_queue(name text) RETURNS void
LANGUAGE sql SET search_path FROM CURRENT AS $$
    INSERT INTO queue AS q (name, paused_at) VALUES ($1, clock_timestamp())
    ON CONFLICT (name) DO UPDATE SET paused_at = coalesce(q.paused_at, excluded.paused_at);
$$;

CREATE FUNCTION resume_queue(name text) RETURNS void
LANGUAGE sql SET search_path FROM CURRENT AS $$
    UPDATE queue SET paused_at = NULL WHERE name = $1;
    SELECT pg_notify(current_schema(), 'available ' || $1);
$$;

-- Jobs at once on each worker that has the queue; NULL gives it back to the workers' own settings.
CREATE FUNCTION set_queue_slots(name text, slots integer) RETURNS void
LANGUAGE sql SET search_path FROM CURRENT AS $$
    INSERT INTO queue AS q (name, slots) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET slots = excluded.slots;
    SELECT pg_notify(current_schema(), 'settings');
$$;

-- How long history is kept, for one queue or, with NULL, for all that have no setting of their own; keep NULL removes the setting
-- of a queue.
CREATE FUNCTION set_retention(queue text, state text, keep interval) RETURNS void
LANGUAGE sql SET search_path FROM CURRENT AS $$
    DELETE FROM retention AS r WHERE r.queue = $1 AND r.state = $2 AND $3 IS NULL;
    INSERT INTO retention AS r (queue, state, keep) SELECT coalesce($1, ''), $2, $3 WHERE $3 IS NOT NULL
    ON CONFLICT (queue, state) DO UPDATE SET keep = excluded.keep;
    SELECT pg_notify(current_schema(), 'settings');
$$;

INSERT INTO millrace_version (version) VALUES (2);
