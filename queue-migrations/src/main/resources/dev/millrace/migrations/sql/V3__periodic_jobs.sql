-- Millrace, schema version 3: periodic jobs. A small table that leaders read the head of; nothing here is on the path of other jobs.

CREATE TABLE periodic (
    name text PRIMARY KEY,
    schedule text NOT NULL,
    zone text NOT NULL DEFAULT 'UTC',
    kind text NOT NULL,
    args jsonb NOT NULL DEFAULT '{}',
    queue text NOT NULL DEFAULT 'default',
    priority smallint NOT NULL DEFAULT 2,
    max_attempts smallint NOT NULL DEFAULT 25,
    timeout interval,
    tags text[],
    metadata jsonb,
    retry_policy text,
    missed text NOT NULL DEFAULT 'one',
    source text NOT NULL DEFAULT 'database',
    paused_at timestamptz,
    planned_after timestamptz NOT NULL DEFAULT clock_timestamp(),
    last_tick_at timestamptz,
    -- Not NULL for what has not been planned: the condition for what is due must be one that an index can start at.
    next_tick_at timestamptz NOT NULL DEFAULT '-infinity',
    error text,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT periodic_name_1_to_128_characters CHECK (length(name) BETWEEN 1 AND 128),
    CONSTRAINT periodic_schedule_is_cron_or_every_or_code CHECK (
        length(schedule) <= 300 AND schedule ~* '^(cron\s+(@[a-z]+|\S+(\s+\S+){4,5})|every\s+[0-9a-z.]+|code)$'),
    CONSTRAINT periodic_schedule_code_needs_source_code CHECK (schedule <> 'code' OR source = 'code'),
    CONSTRAINT periodic_kind_1_to_128_characters CHECK (length(kind) BETWEEN 1 AND 128),
    CONSTRAINT periodic_queue_1_to_128_characters CHECK (length(queue) BETWEEN 1 AND 128),
    CONSTRAINT periodic_priority_1_to_4 CHECK (priority BETWEEN 1 AND 4),
    CONSTRAINT periodic_max_attempts_at_least_1 CHECK (max_attempts >= 1),
    CONSTRAINT periodic_timeout_positive CHECK (timeout > interval '0'),
    CONSTRAINT periodic_metadata_is_object CHECK (jsonb_typeof(metadata) = 'object'),
    CONSTRAINT periodic_missed_known CHECK (missed IN ('skip', 'one', 'all')),
    CONSTRAINT periodic_source_known CHECK (source IN ('code', 'database')),
    CONSTRAINT periodic_planned_after_finite CHECK (isfinite(planned_after))
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 100);
COMMENT ON TABLE periodic IS 'One row per periodic job. Definitions may be changed by UPDATE; workers take notice within five seconds';
COMMENT ON COLUMN periodic.schedule IS '''cron 0 9 * * MON-FRI'', ''every PT15M'', or ''code'' for a schedule that only a program knows';
COMMENT ON COLUMN periodic.zone IS 'Time zone of a cron expression, such as Europe/Berlin';
COMMENT ON COLUMN periodic.missed IS 'Ticks more than a minute late: skip them, run one for all, or all';
COMMENT ON COLUMN periodic.source IS 'Who defines it: ''code'' at each start of a worker, or this table alone';
COMMENT ON COLUMN periodic.paused_at IS 'Set while disabled';
COMMENT ON COLUMN periodic.planned_after IS 'All ticks up to here have been dealt with; also what fences two leaders from each other';
COMMENT ON COLUMN periodic.next_tick_at IS 'When a leader looks at it next; -infinity: at once; infinity: there is no tick any more';
COMMENT ON COLUMN periodic.error IS 'Why no worker can run it; tried again every few minutes';

-- Leaders read the head of it and nothing else.
CREATE INDEX periodic_next ON periodic (next_tick_at) WHERE paused_at IS NULL;

-- What a new schedule, or one that is enabled again, promises begins now. In a trigger, so that a plain UPDATE is right as well.
CREATE FUNCTION replan_periodic() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    NEW.planned_after := clock_timestamp();
    NEW.next_tick_at := '-infinity';
    NEW.error := NULL;
    RETURN NEW;
END $$;
CREATE TRIGGER periodic_replan BEFORE UPDATE OF schedule, zone, paused_at ON periodic
FOR EACH ROW WHEN ((OLD.schedule, OLD.zone) IS DISTINCT FROM (NEW.schedule, NEW.zone)
    OR (OLD.paused_at IS NOT NULL AND NEW.paused_at IS NULL))
EXECUTE FUNCTION replan_periodic();

-- What a tick is unique by. A number for the moment: its text would depend on the session's time zone.
CREATE FUNCTION periodic_key(name text, tick timestamptz) RETURNS bytea
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN substring(sha256(convert_to(jsonb_build_array('periodic', name, extract(epoch FROM tick))::text, 'UTF8')) FOR 16);

-- Adds a periodic job or replaces its definition; whether it is enabled stays as it is. What a program defines in code can't be
-- replaced here: its next start would change it back. Disable it instead.
-- Returns added, replaced or unchanged.
CREATE FUNCTION add_periodic(
    name text,
    schedule text,
    kind text,
    args jsonb DEFAULT '{}',
    zone text DEFAULT 'UTC',
    queue text DEFAULT 'default',
    priority integer DEFAULT 2,
    max_attempts integer DEFAULT 25,
    timeout interval DEFAULT NULL,
    tags text[] DEFAULT NULL,
    metadata jsonb DEFAULT NULL,
    retry_policy text DEFAULT NULL,
    missed text DEFAULT 'one',
    source text DEFAULT 'database'
) RETURNS text
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
#variable_conflict use_column
DECLARE
    added boolean;
    definer text;
BEGIN
    -- Workers know time zones by themselves; this catches what is misspelt while somebody is there to read it.
    PERFORM clock_timestamp() AT TIME ZONE add_periodic.zone;
    INSERT INTO periodic AS p (name, schedule, zone, kind, args, queue, priority, max_attempts, timeout, tags, metadata, retry_policy,
        missed, source)
    VALUES (add_periodic.name, add_periodic.schedule, add_periodic.zone, add_periodic.kind, add_periodic.args, add_periodic.queue,
        add_periodic.priority, add_periodic.max_attempts, add_periodic.timeout, add_periodic.tags, add_periodic.metadata,
        add_periodic.retry_policy, add_periodic.missed, add_periodic.source)
    ON CONFLICT (name) DO UPDATE
    SET schedule = excluded.schedule, zone = excluded.zone, kind = excluded.kind, args = excluded.args, queue = excluded.queue,
        priority = excluded.priority, max_attempts = excluded.max_attempts, timeout = excluded.timeout, tags = excluded.tags,
        metadata = excluded.metadata, retry_policy = excluded.retry_policy, missed = excluded.missed, source = excluded.source,
        updated_at = clock_timestamp()
    WHERE (excluded.source = 'code' OR p.source = 'database')
        AND (p.schedule, p.zone, p.kind, p.args, p.queue, p.priority, p.max_attempts, p.timeout, p.tags, p.metadata, p.retry_policy,
                p.missed, p.source)
            IS DISTINCT FROM (excluded.schedule, excluded.zone, excluded.kind, excluded.args, excluded.queue, excluded.priority,
                excluded.max_attempts, excluded.timeout, excluded.tags, excluded.metadata, excluded.retry_policy,
                excluded.missed, excluded.source)
    RETURNING xmax = 0 INTO added;
    IF added IS NULL THEN
        SELECT p.source INTO definer FROM periodic AS p WHERE p.name = add_periodic.name;
        IF definer = 'code' AND add_periodic.source = 'database' THEN
            RAISE invalid_parameter_value USING
                MESSAGE = format('Periodic job %L is defined in code, which would change it back', add_periodic.name),
                HINT = 'Change it there, disable it here, or remove it here once it is gone there';
        END IF;
    END IF;
    -- Only the program knows whether its own schedule is still the same: it is asked again. No tick is left out by that.
    UPDATE periodic AS p SET next_tick_at = '-infinity' WHERE p.name = add_periodic.name AND p.schedule = 'code';
    RETURN CASE added WHEN true THEN 'added' WHEN false THEN 'replaced' ELSE 'unchanged' END;
END $$;

-- The following tell whether there is such an entry.

-- Its jobs stay. What a program defines in code comes back at the next start of a worker.
CREATE FUNCTION remove_periodic(name text) RETURNS boolean
LANGUAGE sql SET search_path FROM CURRENT AS $$
    WITH gone AS (DELETE FROM periodic AS p WHERE p.name = $1 RETURNING 1) SELECT EXISTS (SELECT FROM gone);
$$;

-- Ticks that passed while it was disabled are left out.
CREATE FUNCTION enable_periodic(name text) RETURNS boolean
LANGUAGE sql SET search_path FROM CURRENT AS $$
    WITH changed AS (UPDATE periodic AS p SET paused_at = NULL WHERE p.name = $1 RETURNING 1) SELECT EXISTS (SELECT FROM changed);
$$;

CREATE FUNCTION disable_periodic(name text) RETURNS boolean
LANGUAGE sql SET search_path FROM CURRENT AS $$
    WITH changed AS (UPDATE periodic AS p SET paused_at = coalesce(p.paused_at, clock_timestamp()) WHERE p.name = $1 RETURNING 1)
    SELECT EXISTS (SELECT FROM changed);
$$;

-- Enqueues one of its jobs now, whatever its schedule, also while it is disabled. Returns the job's id, NULL if there is no such entry.
CREATE FUNCTION run_periodic(name text) RETURNS bigint
LANGUAGE sql SET search_path FROM CURRENT AS $$
    WITH added AS (
        INSERT INTO job (kind, args, queue, priority, max_attempts, timeout, tags, metadata, retry_policy)
        SELECT p.kind, p.args, p.queue, p.priority, p.max_attempts, p.timeout, p.tags,
            coalesce(p.metadata, '{}') || jsonb_build_object('periodic', p.name), p.retry_policy
        FROM periodic AS p WHERE p.name = $1
        RETURNING id, queue
    ), woken AS MATERIALIZED (
        SELECT a.id, pg_notify(current_schema(), 'available ' || a.queue) FROM added AS a
    )
    SELECT max(w.id) FROM woken AS w;
$$;

INSERT INTO millrace_version (version) VALUES (3);
