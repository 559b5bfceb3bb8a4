package dev.millrace;

import dev.millrace.connection.ConnectionEvent;
import dev.millrace.connection.ConnectionMetrics;
import dev.millrace.connection.Database;
import dev.millrace.connection.DatabaseUnavailableException;
import dev.millrace.connection.Events;
import dev.millrace.connection.Health;
import dev.millrace.connection.Supervisor;
import dev.millrace.enqueue.EnqueueException;
import dev.millrace.enqueue.Enqueued;
import dev.millrace.enqueue.Enqueuer;
import dev.millrace.job.ArgsCodec;
import dev.millrace.job.EnqueueInterceptor;
import dev.millrace.job.EnqueueOptions;
import dev.millrace.job.GuardedMeter;
import dev.millrace.job.JacksonArgsCodec;
import dev.millrace.job.JobEvent;
import dev.millrace.job.JobMeter;
import dev.millrace.job.JobTally;
import dev.millrace.job.JobType;
import dev.millrace.job.NewJob;
import dev.millrace.ops.Jobs;
import dev.millrace.periodic.PeriodicJobs;
import dev.millrace.queue.Queues;
import java.sql.Connection;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Objects;
import java.util.function.Consumer;
import java.util.function.LongConsumer;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Enqueues jobs. One instance for a process and database; safe for use by many threads. It owns its connections, and
 * {@link #close} ends them; connections that callers pass in stay theirs.
 *
 * <p>Methods without a {@link Connection} work in a transaction of their own and wake workers after the commit. Methods with
 * one work in the caller's transaction: the job is there when the caller commits, and gone when it rolls back.
 *
 * <p>All methods throw {@link EnqueueException} if the database refuses the job, {@link DatabaseUnavailableException} if it
 * can't be reached ({@link
 * DatabaseUnavailableException#isResultUnknown} tells the rare case that a commit's answer was lost and could not be looked up),
 * and {@link dev.millrace.job.ArgsException} if the arguments can't be stored.
 */
public final class Millrace implements AutoCloseable {

    /** Limit for the JSON of one job's arguments where nothing else is said: 1 MiB. */
    public static final int DEFAULT_MAX_ARGS_BYTES = 1 << 20;

    private static final int JOB_EVENTS_BOUND = 10_000;

    private final Supervisor supervisor;
    private final Enqueuer enqueuer;
    private final Queues queues;
    private final ArgsCodec codec;
    private final Jobs jobs;
    private final Interceptors interceptors;
    private final @Nullable Events<JobEvent> events;
    private final PeriodicJobs periodic;
    private final GuardedMeter meter;

    private Millrace(Builder builder, Supervisor supervisor) {
        this.supervisor = supervisor;
        this.codec = builder.codec;
        this.interceptors = new Interceptors(builder.interceptors);
        Consumer<JobEvent> receiver = builder.onJobEvent;
        this.events = receiver == null
                ? null
                : new Events<>(
                        "job-events-" + supervisor.database().instance(),
                        JOB_EVENTS_BOUND,
                        receiver,
                        supervisor.metrics());
        this.periodic = new PeriodicJobs(supervisor, codec);
        this.queues = new Queues(supervisor);
        this.meter = new GuardedMeter(builder.meter);
        this.enqueuer = new Enqueuer(supervisor, builder.maxArgsBytes, builder.notifyInCallersTransaction);
        this.jobs = new Jobs(supervisor, codec, builder.maxArgsBytes);
    }

    /**
     * Connects with the defaults.
     *
     * @throws DatabaseUnavailableException if the database can't be reached within 10 seconds
     * @throws dev.millrace.migrations.SchemaException if the schema is missing, older or newer than this release needs
     */
    public static Millrace connect(Database database) {
        return builder(database).connect();
    }

    /** Begins a client with options; nothing is connected before {@link Builder#connect}. */
    public static Builder builder(Database database) {
        return new Builder(database);
    }

    /** Enqueues one job with the options of its type. Returns the id; for a unique job that of the one that holds its key. */
    public <A> long enqueue(JobType<A> type, A args) {
        return enqueue(type, args, UnaryOperator.identity());
    }

    /** Enqueues one job. Returns the id. */
    public <A> long enqueue(JobType<A> type, A args, UnaryOperator<EnqueueOptions> options) {
        return offer(type, args, options).id();
    }

    /** Enqueues one job in the caller's transaction, with the options of its type. Returns the id. */
    public <A> long enqueue(Connection connection, JobType<A> type, A args) {
        return enqueue(connection, type, args, UnaryOperator.identity());
    }

    /** Enqueues one job in the caller's transaction. Returns the id. */
    public <A> long enqueue(Connection connection, JobType<A> type, A args, UnaryOperator<EnqueueOptions> options) {
        return offer(connection, type, args, options).id();
    }

    /** Enqueues one job whose arguments are JSON already. Returns the id. */
    public long enqueue(NewJob job) {
        return offer(job).id();
    }

    /** Enqueues one job whose arguments are JSON already, in the caller's transaction. Returns the id. */
    public long enqueue(Connection connection, NewJob job) {
        return offer(connection, job).id();
    }

    /** As {@code enqueue}, and says whether a unique job was inserted, skipped, or changed the one that waits. */
    public <A> Enqueued offer(JobType<A> type, A args, UnaryOperator<EnqueueOptions> options) {
        return offer(NewJob.of(type, args, options.apply(type.defaults()), codec));
    }

    /**
     * As {@code enqueue} in the caller's transaction, and says what became of a unique job. The key is held from here until the
     * transaction ends, and others who want it wait; take several keys in the same order everywhere.
     */
    public <A> Enqueued offer(Connection connection, JobType<A> type, A args, UnaryOperator<EnqueueOptions> options) {
        return offer(connection, NewJob.of(type, args, options.apply(type.defaults()), codec));
    }

    /** As {@link #offer(JobType, Object, UnaryOperator)}, for arguments that are JSON already. */
    public Enqueued offer(NewJob job) {
        return interceptors.one(job, written -> tell(enqueuer.enqueue(written), written, true));
    }

    /** As {@link #offer(Connection, JobType, Object, UnaryOperator)}, for arguments that are JSON already. */
    public Enqueued offer(Connection connection, NewJob job) {
        return interceptors.one(job, written -> tell(enqueuer.enqueue(connection, written), written, false));
    }

    /**
     * Enqueues any number of jobs by {@code COPY} in one transaction: all or none. Memory is bounded: the stream is read in
     * chunks of 5,000 jobs or 4 MiB. A stream that pauses for more than 5 seconds loses the transaction. Unique jobs are offered
     * one by one within the server; bulks that share keys over more than one chunk should have them in the same order.
     *
     * @return how many were inserted
     */
    public <A> long enqueueAll(JobType<A> type, Stream<A> args) {
        return enqueueAll(newJobs(type, args.iterator()), id -> {});
    }

    /** As {@link #enqueueAll(JobType, Stream)}, in the caller's transaction; its connection must unwrap to pgjdbc's. */
    public <A> long enqueueAll(Connection connection, JobType<A> type, Stream<A> args) {
        return enqueueAll(connection, newJobs(type, args.iterator()), id -> {});
    }

    /**
     * Enqueues jobs of any kinds and options by {@code COPY}, all or none.
     *
     * @param onId is told in order the id of each job, or of the one that holds its unique key; they hold only once this method
     *     returns
     * @return how many were inserted
     */
    public long enqueueAll(Iterator<NewJob> jobs, LongConsumer onId) {
        return interceptors
                .all(jobs, written -> tell(enqueuer.enqueueAll(written, onId), true))
                .total();
    }

    /** As {@link #enqueueAll(Iterator, LongConsumer)}, in the caller's transaction. */
    public long enqueueAll(Connection connection, Iterator<NewJob> jobs, LongConsumer onId) {
        return interceptors
                .all(jobs, written -> tell(enqueuer.enqueueAll(connection, written, onId), false))
                .total();
    }

    /** Jobs of one type with its options, to be enqueued in bulk where ids are wanted. */
    public <A> Iterator<NewJob> newJobs(JobType<A> type, Iterator<A> args) {
        return new Iterator<>() {
            @Override
            public boolean hasNext() {
                return args.hasNext();
            }

            @Override
            public NewJob next() {
                return NewJob.of(type, args.next(), type.defaults(), codec);
            }
        };
    }

    /** To look at jobs and operate on them. */
    public Jobs jobs() {
        return jobs;
    }

    private Enqueued tell(Enqueued enqueued, NewJob job, boolean committed) {
        if (enqueued.isInserted()) {
            meter.count(JobMeter.Count.ENQUEUED, job.options().queue(), job.kind(), 1);
            if (events != null) {
                events.tell(new JobEvent.Enqueued(
                        enqueued.id(), job.kind(), job.options().queue(), committed));
            }
        }
        return enqueued;
    }

    private JobTally tell(JobTally inserted, boolean committed) {
        inserted.tell(meter, JobMeter.Count.ENQUEUED);
        if (events != null) {
            events.tell(new JobEvent.EnqueuedInBulk(inserted.total(), committed));
        }
        return inserted;
    }

    /** The periodic jobs that the database keeps. */
    public PeriodicJobs periodic() {
        return periodic;
    }

    /** Shows queues, pauses and resumes them, and sets their slots and how long their history is kept. */
    public Queues queues() {
        return queues;
    }

    /** Whether the database can be used now; does not ask it. */
    public Health health() {
        return supervisor.health();
    }

    /** What happened to the connections so far. */
    public ConnectionMetrics metrics() {
        return supervisor.metrics();
    }

    /** Sends wake-ups that are pending and ends all connections of this instance. Takes seconds at most; may be called twice. */
    @Override
    public void close() {
        enqueuer.close();
        if (events != null) {
            events.close();
        }
        supervisor.close();
    }

    /** Options of a {@link Millrace}. Not thread-safe. */
    public static final class Builder {

        private final Database database;
        private ArgsCodec codec = new JacksonArgsCodec();
        private int maxArgsBytes = DEFAULT_MAX_ARGS_BYTES;
        private boolean notifyInCallersTransaction = true;
        private Duration connectTimeout = Duration.ofSeconds(10);
        private final List<EnqueueInterceptor> interceptors = new ArrayList<>();
        private @Nullable Consumer<ConnectionEvent> onEvent;
        private @Nullable Consumer<JobEvent> onJobEvent;
        private @Nullable JobMeter meter;

        private Builder(Database database) {
            this.database = database;
        }

        /** How arguments become JSON; default {@link JacksonArgsCodec}. */
        public Builder argsCodec(ArgsCodec codec) {
            this.codec = codec;
            return this;
        }

        /**
         * Limit for the JSON of one job's arguments, default 1 MiB.
         *
         * @throws IllegalArgumentException outside 1 to 268,435,455 bytes, the most that {@code jsonb} holds
         */
        public Builder maxArgsBytes(int maxArgsBytes) {
            if (maxArgsBytes < 1 || maxArgsBytes > 0x0FFF_FFFF) {
                throw new IllegalArgumentException(
                        "Max args bytes " + maxArgsBytes + " is out of range: 1 to " + 0x0FFF_FFFF);
            }
            this.maxArgsBytes = maxArgsBytes;
            return this;
        }

        /**
         * Whether jobs enqueued in a caller's transaction wake workers at its commit; default true. It costs the caller a lock
         * at commit that all notifying transactions of the cluster share (measured: 10.6k to 4.5k commits a second with eight
         * producers). Without it, workers find the job by polling, within a second.
         */
        public Builder notifyInCallersTransaction(boolean notifyInCallersTransaction) {
            this.notifyInCallersTransaction = notifyInCallersTransaction;
            return this;
        }

        /** How long {@link #connect} waits for a database that does not answer; default 10 seconds. */
        public Builder connectTimeout(Duration connectTimeout) {
            this.connectTimeout = connectTimeout;
            return this;
        }

        /** Is told what happens to the connections, on a thread of its own. */
        public Builder onEvent(Consumer<ConnectionEvent> receiver) {
            this.onEvent = receiver;
            return this;
        }

        /** Is told what is enqueued, on a thread of its own; see {@link JobEvent}. */
        public Builder onJobEvent(Consumer<JobEvent> receiver) {
            this.onJobEvent = receiver;
            return this;
        }

        /** Counts what is enqueued, each job exactly once; for a metrics library. */
        public Builder meter(JobMeter meter) {
            this.meter = meter;
            return this;
        }

        /** Adds what sees each job before it is written; called in the order of adding, each with what the one before returned. */
        public Builder intercept(EnqueueInterceptor interceptor) {
            interceptors.add(Objects.requireNonNull(interceptor, "interceptor"));
            return this;
        }

        /**
         * Connects and waits until the database is usable.
         *
         * @throws DatabaseUnavailableException if the database can't be reached in time
         * @throws dev.millrace.migrations.SchemaException if the schema is missing, older or newer than this release needs
         */
        public Millrace connect() {
            return new Millrace(this, Supervisor.connectProducer(database, onEvent, connectTimeout));
        }
    }
}
