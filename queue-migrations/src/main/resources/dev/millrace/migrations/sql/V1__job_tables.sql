-- Millrace, schema version 1: the job table with one partition per phase of a job's life, and its small side tables.
-- Names are unqualified: whoever runs this sets search_path to the one schema that holds everything.

CREATE TABLE millrace_version (
    version integer PRIMARY KEY,
    applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE millrace_version IS 'One row per applied schema version; programs compare the highest with what they need';

-- One sequence gives ids and run orders. So a fresh value is always behind every value given before it, and no value
-- is ever given twice: that makes run_order both the place of a job in its lane and the token that fences its lease.
CREATE SEQUENCE job_seq AS bigint CACHE 1;

CREATE TABLE job (
    -- Fixed-width columns first: no alignment padding in the rows that every job writes three times.
    id bigint NOT NULL DEFAULT nextval('job_seq'),
    run_order bigint NOT NULL DEFAULT nextval('job_seq'),
    created_at timestamptz NOT NULL DEFAULT now(),
    scheduled_at timestamptz NOT NULL DEFAULT now(),
    attempted_at timestamptz,
    finalized_at timestamptz,
    priority smallint NOT NULL DEFAULT 2,
    attempt smallint NOT NULL DEFAULT 0,
    max_attempts smallint NOT NULL DEFAULT 25,
    state text NOT NULL DEFAULT 'available',
    queue text NOT NULL DEFAULT 'default',
    kind text NOT NULL,
    args jsonb NOT NULL DEFAULT '{}',
    -- What most jobs do not have is NULL and costs nothing.
    attempted_by text,
    timeout interval,
    tags text[],
    metadata jsonb,
    errors jsonb,
    output jsonb,
    unique_key bytea,
    CONSTRAINT job_kind_1_to_128_characters CHECK (length(kind) BETWEEN 1 AND 128),
    CONSTRAINT job_queue_1_to_128_characters CHECK (length(queue) BETWEEN 1 AND 128),
    CONSTRAINT job_priority_1_to_4 CHECK (priority BETWEEN 1 AND 4),
    CONSTRAINT job_max_attempts_at_least_1 CHECK (max_attempts >= 1),
    CONSTRAINT job_attempt_0_to_max_attempts CHECK (attempt BETWEEN 0 AND max_attempts),
    CONSTRAINT job_timeout_positive CHECK (timeout > interval '0'),
    CONSTRAINT job_metadata_is_object CHECK (jsonb_typeof(metadata) = 'object'),
    CONSTRAINT job_errors_is_array CHECK (jsonb_typeof(errors) = 'array')
) PARTITION BY LIST (state);

COMMENT ON TABLE job IS 'Every job, whatever its state. INSERT INTO job (kind, args) VALUES (…) is a job';
COMMENT ON COLUMN job.run_order IS 'Place in the lane (queue, priority); fresh whenever the job becomes available; the lease token while it runs';
COMMENT ON COLUMN job.scheduled_at IS 'When the job is or was due';
COMMENT ON COLUMN job.attempt IS 'Attempts begun so far, the running one included';
COMMENT ON COLUMN job.attempted_by IS 'Worker that holds or held the lease: worker.id';
COMMENT ON COLUMN job.timeout IS 'How long one attempt may run';
COMMENT ON COLUMN job.errors IS 'One object per failed attempt: attempt, at, worker, type, message, trace';

-- Vacuum by count of dead rows, not by share of the table: a share of a deep backlog would be millions of rows at the head
-- of the index that every claim starts at. No cost delay: the head must be cleaned faster than it gets dirty. No truncation:
-- it takes an ACCESS EXCLUSIVE lock on a table that is about to grow again.
CREATE TABLE job_available PARTITION OF job FOR VALUES IN ('available')
WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000, autovacuum_vacuum_cost_delay = 0,
      autovacuum_vacuum_insert_scale_factor = 0.5, autovacuum_analyze_scale_factor = 0.2, vacuum_truncate = false);
-- A producer that means "later" but leaves the state at its default is told so, instead of being run at once.
ALTER TABLE job_available ADD CONSTRAINT job_due_in_future_needs_state_scheduled CHECK (scheduled_at <= clock_timestamp());
CREATE INDEX job_available_lane ON job_available (queue, priority, run_order);

CREATE TABLE job_running PARTITION OF job FOR VALUES IN ('running')
WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000, autovacuum_vacuum_cost_delay = 0,
      autovacuum_vacuum_insert_scale_factor = 0.5, autovacuum_analyze_scale_factor = 0.2, vacuum_truncate = false);
ALTER TABLE job_running ADD CONSTRAINT job_running_has_worker CHECK (attempted_by IS NOT NULL AND attempted_at IS NOT NULL);
CREATE UNIQUE INDEX job_running_id ON job_running (id);

CREATE TABLE job_deferred PARTITION OF job FOR VALUES IN ('scheduled', 'retryable', 'pending')
WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000, autovacuum_vacuum_cost_delay = 0,
      autovacuum_vacuum_insert_scale_factor = 0.5, autovacuum_analyze_scale_factor = 0.2, vacuum_truncate = false);
CREATE UNIQUE INDEX job_deferred_id ON job_deferred (id);
-- Promotion reads due jobs from the head of this index and nothing else. Pending jobs wait for something other than time.
CREATE INDEX job_deferred_due ON job_deferred (scheduled_at) WHERE state IN ('scheduled', 'retryable');

CREATE TABLE job_finalized PARTITION OF job FOR VALUES IN ('completed', 'cancelled', 'discarded')
PARTITION BY RANGE (finalized_at);
ALTER TABLE job_finalized ADD CONSTRAINT job_finalized_has_finalized_at CHECK (finalized_at IS NOT NULL);
CREATE INDEX job_finalized_id ON job_finalized (id);
-- Catches what no day partition covers: history must never make a completion fail.
CREATE TABLE job_finalized_default PARTITION OF job_finalized DEFAULT;

-- Takes rows whose state is none of ours, only to refuse them by name: without it the error would be that no partition fits.
CREATE TABLE job_unknown_state PARTITION OF job DEFAULT;
ALTER TABLE job_unknown_state ADD CONSTRAINT job_state_known CHECK (
    state IN ('available', 'running', 'scheduled', 'retryable', 'pending', 'completed', 'cancelled', 'discarded'));

-- History by day (UTC). Maintenance creates days ahead and drops whole days; these carry a new installation to its first run.
-- Day partitions are only inserted into and dropped whole, so vacuuming them for inserts is work for nothing.
DO $$
DECLARE
    day date := (now() AT TIME ZONE 'UTC')::date;
BEGIN
    FOR i IN 0..3 LOOP
        EXECUTE format(
            'CREATE TABLE %I PARTITION OF job_finalized FOR VALUES FROM (%L) TO (%L) WITH (autovacuum_vacuum_insert_threshold = -1)',
            'job_finalized_' || to_char(day + i, 'YYYYMMDD'), (day + i)::text || ' 00:00:00+00', (day + i + 1)::text || ' 00:00:00+00');
    END LOOP;
END $$;

-- One row per live worker process. All its leases live and die with lease_expires_at, which only the database's clock sets.
CREATE TABLE worker (
    id text PRIMARY KEY,
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    heartbeat_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    lease_expires_at timestamptz NOT NULL,
    queues jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT worker_queues_is_object CHECK (jsonb_typeof(queues) = 'object')
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 100);
COMMENT ON COLUMN worker.queues IS 'Slots by queue name';

-- One row: the worker that does maintenance for all, for as long as its lease lasts. The term grows with each new holder.
CREATE TABLE leader (
    name text PRIMARY KEY,
    holder text NOT NULL,
    term bigint NOT NULL,
    expires_at timestamptz NOT NULL
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 100);

-- Settings of a queue. A queue without a row has the defaults: queues are created by use.
CREATE TABLE queue (
    name text PRIMARY KEY,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    paused_at timestamptz,
    CONSTRAINT queue_name_1_to_128_characters CHECK (length(name) BETWEEN 1 AND 128)
);

-- One row per held uniqueness key.
CREATE TABLE unique_key (
    key bytea PRIMARY KEY,
    job_id bigint NOT NULL
);

INSERT INTO millrace_version (version) VALUES (1);
