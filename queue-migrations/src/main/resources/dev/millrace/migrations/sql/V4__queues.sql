-- Millrace, schema version 4: what is to be seen of a queue.

-- Counts live in the memory of each worker and come with its heartbeat: no row that every job would have to update.
ALTER TABLE worker
    ADD COLUMN activity jsonb NOT NULL DEFAULT '{}',
    ADD CONSTRAINT worker_activity_is_object CHECK (jsonb_typeof(activity) = 'object');
COMMENT ON COLUMN worker.activity IS 'By queue name: busy slots; jobs finished and attempts failed within the last minute';

-- One row for each queue that has settings, a worker, or jobs. Its cost is bounded whatever lies in the tables: available jobs are
-- counted by index up to count_up_to (and fewer where many queues share the 20,000 entries that are read at most), available_capped
-- says that there are more; jobs of other states are counted in 200 pages of each phase, and where there are more pages than these the
-- counts are estimates: estimated says so. oldest_due_at is when the first job of any priority was due. Figures of workers are those
-- of their last heartbeat.
CREATE FUNCTION list_queues(only_queue text DEFAULT NULL, count_up_to integer DEFAULT 10000)
RETURNS TABLE (
    name text,
    paused_at timestamptz,
    slots integer,
    available bigint,
    available_capped boolean,
    oldest_due_at timestamptz,
    running bigint,
    scheduled bigint,
    retryable bigint,
    pending bigint,
    completed bigint,
    cancelled bigint,
    discarded bigint,
    estimated boolean,
    workers bigint,
    worker_slots bigint,
    busy bigint,
    finished_last_minute bigint,
    failed_last_minute bigint)
-- A table without statistics looks small enough to be read as a whole.
LANGUAGE plpgsql STABLE SET search_path FROM CURRENT SET enable_seqscan = off SET enable_bitmapscan = off SET jit = off AS $$
#variable_conflict use_column
DECLARE
    page_limit CONSTANT float8 := 200;
    share_running float8;
    share_deferred float8;
    share_finalized float8;
BEGIN
    SELECT least(100, 100 * page_limit / greatest(1, pages.running)), least(100, 100 * page_limit / greatest(1, pages.deferred)),
        least(100, 100 * page_limit / greatest(1, pages.finalized))
        INTO share_running, share_deferred, share_finalized
        FROM (SELECT coalesce(sum(s.pages) FILTER (WHERE s.root = 'job_running'), 0) AS running,
                coalesce(sum(s.pages) FILTER (WHERE s.root = 'job_deferred'), 0) AS deferred,
                coalesce(sum(s.pages) FILTER (WHERE s.root = 'job_finalized'), 0) AS finalized
            FROM (SELECT r.root, pg_relation_size(t.relid) / current_setting('block_size')::integer AS pages
                FROM (VALUES ('job_running'), ('job_deferred'), ('job_finalized')) AS r (root)
                CROSS JOIN LATERAL pg_partition_tree(r.root::regclass) AS t
                WHERE t.isleaf) AS s) AS pages;
    RETURN QUERY
    WITH RECURSIVE lane AS (
        (SELECT a.queue FROM job_available AS a WHERE only_queue IS NULL ORDER BY a.queue LIMIT 1)
        UNION ALL
        SELECT (SELECT a.queue FROM job_available AS a WHERE a.queue > l.queue ORDER BY a.queue LIMIT 1) FROM lane AS l
        WHERE l.queue IS NOT NULL
    ), working AS MATERIALIZED (
        SELECT s.queue, count(*) AS workers, sum(s.slots::bigint)::bigint AS slots,
            sum((w.activity -> s.queue ->> 'busy')::bigint)::bigint AS busy,
            sum((w.activity -> s.queue ->> 'finished')::bigint)::bigint AS finished,
            sum((w.activity -> s.queue ->> 'failed')::bigint)::bigint AS failed
        FROM worker AS w CROSS JOIN LATERAL jsonb_each_text(w.queues) AS s (queue, slots)
        WHERE w.lease_expires_at >= now()
        GROUP BY s.queue
    ), sample AS MATERIALIZED (
        SELECT j.queue, j.state, count(*) * 100 / share_running AS jobs
        FROM job_running AS j TABLESAMPLE SYSTEM (share_running) GROUP BY j.queue, j.state
        UNION ALL
        SELECT j.queue, j.state, count(*) * 100 / share_deferred
        FROM job_deferred AS j TABLESAMPLE SYSTEM (share_deferred) GROUP BY j.queue, j.state
        UNION ALL
        SELECT j.queue, j.state, count(*) * 100 / share_finalized
        FROM job_finalized AS j TABLESAMPLE SYSTEM (share_finalized) GROUP BY j.queue, j.state
    ), counted AS MATERIALIZED (
        SELECT s.queue,
            sum(s.jobs) FILTER (WHERE s.state = 'running')::bigint AS running,
            sum(s.jobs) FILTER (WHERE s.state = 'scheduled')::bigint AS scheduled,
            sum(s.jobs) FILTER (WHERE s.state = 'retryable')::bigint AS retryable,
            sum(s.jobs) FILTER (WHERE s.state = 'pending')::bigint AS pending,
            sum(s.jobs) FILTER (WHERE s.state = 'completed')::bigint AS completed,
            sum(s.jobs) FILTER (WHERE s.state = 'cancelled')::bigint AS cancelled,
            sum(s.jobs) FILTER (WHERE s.state = 'discarded')::bigint AS discarded
        FROM sample AS s GROUP BY s.queue
    ), names AS MATERIALIZED (
        SELECT l.queue FROM lane AS l WHERE l.queue IS NOT NULL
        UNION SELECT q.name FROM queue AS q WHERE only_queue IS NULL
        UNION SELECT w.queue FROM working AS w WHERE only_queue IS NULL
        UNION SELECT c.queue FROM counted AS c WHERE only_queue IS NULL
        UNION SELECT only_queue WHERE only_queue IS NOT NULL
    ), cap AS MATERIALIZED (
        SELECT greatest(1, least(count_up_to, greatest(100, 20000 / greatest(1, count(*)))))::bigint AS jobs FROM names
    )
    SELECT n.queue, q.paused_at, q.slots,
        least(a.jobs, cap.jobs), a.jobs > cap.jobs, o.due,
        coalesce(c.running, 0), coalesce(c.scheduled, 0), coalesce(c.retryable, 0), coalesce(c.pending, 0),
        coalesce(c.completed, 0), coalesce(c.cancelled, 0), coalesce(c.discarded, 0),
        least(share_running, share_deferred, share_finalized) < 100,
        coalesce(w.workers, 0), coalesce(w.slots, 0), coalesce(w.busy, 0), coalesce(w.finished, 0), coalesce(w.failed, 0)
    FROM names AS n
    CROSS JOIN cap
    LEFT JOIN queue AS q ON q.name = n.queue
    LEFT JOIN working AS w ON w.queue = n.queue
    LEFT JOIN counted AS c ON c.queue = n.queue
    -- From the tail: what was claimed and is not vacuumed yet lies at the head.
    CROSS JOIN LATERAL (
        SELECT count(*) AS jobs FROM (
            SELECT FROM job_available AS j WHERE j.queue = n.queue
            ORDER BY j.queue DESC, j.priority DESC, j.run_order DESC LIMIT cap.jobs + 1) AS tail
    ) AS a
    CROSS JOIN LATERAL (
        SELECT min(head.scheduled_at) AS due
        FROM (VALUES (1::smallint), (2::smallint), (3::smallint), (4::smallint)) AS p (priority)
        CROSS JOIN LATERAL (
            SELECT j.scheduled_at FROM job_available AS j WHERE j.queue = n.queue AND j.priority = p.priority
            ORDER BY j.run_order LIMIT 1) AS head
    ) AS o
    ORDER BY n.queue;
END $$;

INSERT INTO millrace_version (version) VALUES (4);
