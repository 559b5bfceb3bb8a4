package dev.millrace.worker;

import dev.millrace.connection.ConnectionEvent;
import dev.millrace.connection.ConnectionMetrics;
import dev.millrace.connection.Database;
import dev.millrace.connection.DatabaseUnavailableException;
import dev.millrace.connection.Health;
import dev.millrace.connection.Supervisor;
import dev.millrace.job.ArgsCodec;
import dev.millrace.job.EnqueueOptions;
import dev.millrace.job.JacksonArgsCodec;
import dev.millrace.job.JobEvent;
import dev.millrace.job.JobMeter;
import dev.millrace.job.JobType;
import dev.millrace.job.RetryPolicy;
import dev.millrace.periodic.PeriodicJob;
import dev.millrace.queue.QueueInfo;
import dev.millrace.queue.Queues;
import dev.millrace.worker.engine.Engine;
import dev.millrace.worker.engine.QueueOptions;
import dev.millrace.worker.engine.WorkerConfig;
import dev.millrace.worker.handler.Handler;
import dev.millrace.worker.handler.HandlerInterceptor;
import dev.millrace.worker.handler.HandlerProvider;
import dev.millrace.worker.handler.Handlers;
import dev.millrace.worker.handler.ResultHandler;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * Runs jobs: claims them in batches, runs handlers in the slots of each queue, and writes what came of them. A job runs at least
 * once; its outcome is accepted exactly once for each lease. Jobs of a worker that dies are available again when its lease is
 * over. Jobs whose kind has no handler here are left for workers that have one.
 *
 * <p>Safe for use by many threads. {@link #close} may be called before {@link #start}, from any thread, and more than once.
 */
public final class Worker implements AutoCloseable {

    private final Database database;
    private final WorkerConfig config;
    private final Duration connectTimeout;
    private final @Nullable Consumer<ConnectionEvent> onEvent;
    private volatile boolean claiming;
    private boolean closed;
    private @Nullable Supervisor supervisor;
    private @Nullable Engine engine;

    private Worker(
            Database database,
            WorkerConfig config,
            Duration connectTimeout,
            @Nullable Consumer<ConnectionEvent> onEvent) {
        this.database = database;
        this.config = config;
        this.connectTimeout = connectTimeout;
        this.onEvent = onEvent;
    }

    /** Begins a worker on a database; nothing is connected before {@link #start}. */
    public static Builder builder(Database database) {
        return new Builder(database);
    }

    /**
     * Connects and begins to work; returns when claims have begun. A close from another thread cuts it short.
     *
     * @throws DatabaseUnavailableException if the database can't be reached in time, or the worker is closed meanwhile
     * @throws dev.millrace.migrations.SchemaException if the schema is missing, older or newer than this release needs
     * @throws IllegalStateException if started before, or closed
     */
    public void start() {
        Supervisor connecting;
        synchronized (this) {
            if (closed || supervisor != null) {
                throw new IllegalStateException(
                        "A worker starts once: it was " + (closed ? "closed" : "started") + " before");
            }
            connecting = Supervisor.start(database, onEvent);
            supervisor = connecting;
        }
        try {
            connecting.awaitFirstUp(connectTimeout);
            publish(new Engine(connecting, config)).start();
            claiming = true;
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            DatabaseUnavailableException failure = DatabaseUnavailableException.during(
                    connecting, "Connecting to " + database + " was interrupted", interrupted, false);
            connecting.close();
            throw failure;
        } catch (RuntimeException failure) {
            connecting.close();
            throw failure;
        }
    }

    /** From here on a close takes the engine down in order; one that came before has ended its connections. */
    private synchronized Engine publish(Engine created) {
        engine = created;
        return created;
    }

    /**
     * Name of this worker in {@code attempted_by} and in the table {@code worker}.
     *
     * @throws IllegalStateException before {@link #start}
     */
    public String id() {
        return started().workerId();
    }

    /**
     * Waits until the queues of this worker hold nothing more to do for its kinds: nothing available, nothing running on any
     * worker, and nothing that failed and is due again within a minute. Returns at once when the worker is closed.
     *
     * @throws IllegalStateException before {@link #start}
     */
    public void awaitEmpty() throws InterruptedException {
        started().awaitEmpty();
    }

    /**
     * Whether the process lives, and whether it can work now: the database is usable, and this worker claims. Does not ask the
     * database.
     *
     * @throws IllegalStateException before {@link #start}
     */
    public Health health() {
        Health health = supervisor().health();
        return claiming ? health : health.notReady();
    }

    /** Whether this worker does the maintenance for all: promotes what is due, rescues jobs of dead workers. */
    public boolean isLeader() {
        Engine current;
        synchronized (this) {
            current = engine;
        }
        return current != null && current.isLeader();
    }

    /**
     * Where the handler of a job is now, innermost call first: class, method, file and line, without the frames that called it. Empty
     * if it does not run on this worker.
     */
    public List<StackTraceElement> stack(long jobId) {
        Engine current;
        synchronized (this) {
            current = engine;
        }
        return current == null ? List.of() : current.stack(jobId);
    }

    /** Names of the queues it works on. */
    public Set<String> queueNames() {
        return Set.copyOf(config.queues().keySet());
    }

    /**
     * What waits and runs now in each queue of this worker, whoever works on it. Asks the database, at a bounded cost; see
     * {@link Queues#list}.
     *
     * @throws DatabaseUnavailableException while the database is not usable
     * @throws IllegalStateException before {@link #start}
     */
    public List<QueueInfo> queues() {
        return new Queues(supervisor())
                .list().stream()
                        .filter(queue -> config.queues().containsKey(queue.name()))
                        .toList();
    }

    /**
     * What happened to the connections and leases so far.
     *
     * @throws IllegalStateException before {@link #start}
     */
    public ConnectionMetrics metrics() {
        return supervisor().metrics();
    }

    /**
     * Its connections, for what shows this worker and its database; for the library's own use. They end with the worker.
     *
     * @throws IllegalStateException before {@link #start}
     */
    public synchronized Supervisor supervisor() {
        Supervisor current = supervisor;
        if (current == null) {
            throw new IllegalStateException("The worker has not been started");
        }
        return current;
    }

    private synchronized Engine started() {
        Engine current = engine;
        if (current == null) {
            throw new IllegalStateException("The worker has not been started");
        }
        return current;
    }

    /**
     * Stops claiming, gives back what has not begun without burning an attempt, lets running jobs end within the grace, then
     * cancels them cooperatively, interrupts them, and gives back what still does not stop. Takes at most the grace and a few
     * seconds, also while the database is away.
     */
    @Override
    public void close() {
        Engine current;
        Supervisor connecting;
        synchronized (this) {
            closed = true;
            current = engine;
            connecting = supervisor;
        }
        if (current != null) {
            current.close();
        } else if (connecting != null) {
            connecting.close();
        }
    }

    /**
     * Takes the grace out of a {@link #close} that is under way or to come: running jobs are asked to stop and given back at once,
     * without burning an attempt, while their handlers may still run. Returns at once.
     */
    public void hurry() {
        Engine current;
        synchronized (this) {
            current = engine;
        }
        if (current != null) {
            current.hurry();
        }
    }

    /** Collects what a worker runs with. Each setter checks its value; what contradicts fails at {@link #build}. Not thread-safe. */
    public static final class Builder {

        private static final Duration MIN_LEASE = Duration.ofSeconds(5);
        private static final Duration MAX_CONNECT = Duration.ofDays(10_000);
        private static final Duration MAX_LEASE = Duration.ofHours(1);
        private static final int MAX_SLOTS = 10_000;

        private final Database database;
        private final Handlers handlers = new Handlers();
        private final Map<String, Integer> queues = new LinkedHashMap<>();
        private final Map<String, PeriodicJob> periodic = new LinkedHashMap<>();
        private final Map<String, QueueOptions> queueOptions = new LinkedHashMap<>();
        private boolean maintenance = true;
        private ArgsCodec codec = new JacksonArgsCodec();
        private Duration lease = Duration.ofSeconds(30);
        private Duration pollInterval = Duration.ofSeconds(1);
        private Duration grace = Duration.ofSeconds(30);
        private Duration connectTimeout = Duration.ofSeconds(10);
        private @Nullable Consumer<ConnectionEvent> onEvent;
        private int maxOutputBytes = 1 << 20;
        private Duration abandonAfter = Duration.ofSeconds(5);
        private @Nullable Consumer<JobEvent> onJobEvent;
        private @Nullable JobMeter meter;

        private Builder(Database database) {
            this.database = database;
        }

        /** Adds a handler with the default retry policy, {@link RetryPolicy#exponential}. */
        public <A> Builder handle(JobType<A> type, Handler<A> handler) {
            handlers.handle(type, handler);
            return this;
        }

        /** Adds a handler with a retry policy of its own. */
        public <A> Builder handle(JobType<A> type, Handler<A> handler, RetryPolicy retryPolicy) {
            handlers.handle(type, handler, retryPolicy);
            return this;
        }

        /** Adds a handler whose outcome is a value, see {@link dev.millrace.worker.handler.Result}. */
        public <A> Builder handleResult(JobType<A> type, ResultHandler<A> handler) {
            handlers.handleResult(type, handler);
            return this;
        }

        /** Adds a handler whose outcome is a value, with a retry policy of its own. */
        public <A> Builder handleResult(JobType<A> type, ResultHandler<A> handler, RetryPolicy retryPolicy) {
            handlers.handleResult(type, handler, retryPolicy);
            return this;
        }

        /** Adds all handlers and interceptors of a provider. */
        public Builder handlers(HandlerProvider provider) {
            provider.register(handlers);
            return this;
        }

        /**
         * Works on a queue with this many jobs at once; slots that are set for the queue at run time win. Where no queue is named, the worker has the queue {@code default} with 10
         * slots.
         *
         * @throws IllegalArgumentException outside 1 to 10,000 slots, or if the queue is named twice
         */
        public Builder queue(String name, int slots) {
            EnqueueOptions.requireQueue(name);
            if (slots < 1 || slots > MAX_SLOTS) {
                throw new IllegalArgumentException(
                        "Slots " + slots + " of queue '" + name + "' are out of range: 1 to " + MAX_SLOTS);
            }
            Integer before = queues.putIfAbsent(name, slots);
            if (before != null) {
                throw new IllegalArgumentException(
                        "Queue '" + name + "' was given " + before + " slots already: name it once");
            }
            return this;
        }

        /**
         * As {@link #queue(String, int)}, with options of the queue: {@code queue("mail", 20, q -> q.lowestShare(0.1))}.
         *
         * @throws IllegalArgumentException outside 1 to 10,000 slots, if the queue is named twice, or as the options say
         */
        public Builder queue(String name, int slots, UnaryOperator<QueueOptions> options) {
            QueueOptions given = options.apply(QueueOptions.DEFAULTS);
            queue(name, slots);
            if (!given.equals(QueueOptions.DEFAULTS)) {
                queueOptions.put(name, given);
            }
            return this;
        }

        /**
         * Whether this worker may become the leader, which promotes due jobs, rescues those of dead workers and keeps history in bounds,
         * for all; default true. Some running worker of the database must: without one, nothing that is scheduled or retried runs.
         */
        public Builder maintenance(boolean maintenance) {
            this.maintenance = maintenance;
            return this;
        }

        /**
         * How long a worker may be silent before its jobs are given to others; default 30 seconds. It beats four times in a lease.
         *
         * @throws IllegalArgumentException outside 5 seconds to 1 hour
         */
        public Builder lease(Duration lease) {
            this.lease = requireBetween("Lease", lease, MIN_LEASE, MAX_LEASE);
            return this;
        }

        /**
         * Wait between claims where nothing wakes the worker, jittered by 10 %; default 1 second. So long may a job wait, also at a
         * busy worker, whose producer sends no notification.
         *
         * @throws IllegalArgumentException outside 10 milliseconds to 1 minute
         */
        public Builder pollInterval(Duration pollInterval) {
            this.pollInterval =
                    requireBetween("Poll interval", pollInterval, Duration.ofMillis(10), Duration.ofMinutes(1));
            return this;
        }

        /**
         * How long running jobs may go on at {@link Worker#close}; default 30 seconds.
         *
         * @throws IllegalArgumentException outside 0 to 1 hour
         */
        public Builder grace(Duration grace) {
            this.grace = requireBetween("Grace", grace, Duration.ZERO, Duration.ofHours(1));
            return this;
        }

        /**
         * How long {@link Worker#start} waits for a database that is down; default 10 seconds. What time does not mend, such as a
         * wrong password, is not waited for.
         *
         * @throws IllegalArgumentException outside 0 to 10,000 days, which is for ever
         */
        public Builder connectTimeout(Duration connectTimeout) {
            this.connectTimeout = requireBetween("Connect timeout", connectTimeout, Duration.ZERO, MAX_CONNECT);
            return this;
        }

        /** Is told what happens to connections and leases, on a thread of its own. */
        public Builder onEvent(Consumer<ConnectionEvent> receiver) {
            this.onEvent = receiver;
            return this;
        }

        /** Is told what happens to jobs on this worker, on a thread of its own; see {@link JobEvent}. */
        public Builder onJobEvent(Consumer<JobEvent> receiver) {
            this.onJobEvent = receiver;
            return this;
        }

        /**
         * Counts and measures what happens to jobs on this worker, each exactly once; for a metrics library. See
         * {@code dev.millrace.worker.metrics.MillraceMetrics}.
         */
        public Builder meter(JobMeter meter) {
            this.meter = meter;
            return this;
        }

        /** Adds what goes around each handler call; the first one added is the outermost. */
        public Builder intercept(HandlerInterceptor interceptor) {
            handlers.intercept(interceptor);
            return this;
        }

        /**
         * Limit for the JSON of one job's output, default 1 MiB. A job whose handler returns more is completed without output,
         * and an entry {@code output_too_large} among its errors says so.
         *
         * @throws IllegalArgumentException outside 1 to 268,435,455 bytes, the most that {@code jsonb} holds
         */
        public Builder maxOutputBytes(int maxOutputBytes) {
            if (maxOutputBytes < 1 || maxOutputBytes > 0x0FFF_FFFF) {
                throw new IllegalArgumentException(
                        "Max output bytes " + maxOutputBytes + " is out of range: 1 to " + 0x0FFF_FFFF);
            }
            this.maxOutputBytes = maxOutputBytes;
            return this;
        }

        /**
         * How long a handler has to stop once it was asked to, because its job's timeout is over or the job is cancelled; default
         * 5 seconds. It is interrupted after half a second. One that still runs after this is given up: the attempt has failed,
         * or the job is cancelled, and goes on with its life elsewhere; the thread keeps its slot until it ends, and what it
         * returns is ignored. A handler that has called {@link dev.millrace.worker.handler.RunningJob#completeIn} is not given up.
         *
         * @throws IllegalArgumentException outside 1 second to 1 hour
         */
        public Builder abandonAfter(Duration abandonAfter) {
            this.abandonAfter =
                    requireBetween("Abandon after", abandonAfter, Duration.ofSeconds(1), Duration.ofHours(1));
            return this;
        }

        /**
         * Defines a periodic job: written to the database when the worker starts, and run by whichever worker leads, or, with a
         * schedule of your own, by those that define it. It wins over what the database had under that name; whether an operator
         * has disabled it stays as it is. When it is no longer defined here, it goes on until it is removed from the database.
         *
         * @throws IllegalArgumentException if the name is defined twice
         */
        public Builder periodic(PeriodicJob job) {
            if (periodic.putIfAbsent(job.name(), job) != null) {
                throw new IllegalArgumentException("Periodic job '" + job.name() + "' is defined twice: name it once");
            }
            return this;
        }

        /** How arguments and output become JSON; default {@link JacksonArgsCodec}. */
        public Builder argsCodec(ArgsCodec codec) {
            this.codec = codec;
            return this;
        }

        /**
         * Checks what belongs together and makes the worker, which is not started yet.
         *
         * @throws dev.millrace.job.ArgsException if the arguments of a periodic job can't be written
         * @throws IllegalStateException without any handler
         */
        public Worker build() {
            if (handlers.byKind().isEmpty()) {
                throw new IllegalStateException("A worker needs at least one handler: add one with handle(…)");
            }
            Map<String, Integer> slots = queues.isEmpty() ? Map.of("default", 10) : new LinkedHashMap<>(queues);
            periodic.values().forEach(job -> job.job(codec));
            return new Worker(
                    database,
                    new WorkerConfig(
                            slots,
                            Map.copyOf(queueOptions),
                            maintenance,
                            handlers.byKind(),
                            lease,
                            pollInterval,
                            grace,
                            codec,
                            maxOutputBytes,
                            abandonAfter,
                            handlers.interceptors(),
                            onJobEvent,
                            List.copyOf(periodic.values()),
                            meter),
                    connectTimeout,
                    onEvent);
        }

        private static Duration requireBetween(String what, Duration value, Duration least, Duration most) {
            if (value.compareTo(least) < 0 || value.compareTo(most) > 0) {
                throw new IllegalArgumentException(what + " " + value + " is out of range: " + least + " to " + most);
            }
            return value;
        }
    }
}
