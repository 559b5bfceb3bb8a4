package dev.millrace.testkit;

import dev.millrace.connection.Database;
import dev.millrace.connection.Supervisor;
import dev.millrace.error.MillraceException;
import dev.millrace.job.ArgsCodec;
import dev.millrace.job.JacksonArgsCodec;
import dev.millrace.job.JobType;
import dev.millrace.worker.engine.InlineEngine;
import dev.millrace.worker.handler.Handler;
import dev.millrace.worker.handler.HandlerInterceptor;
import dev.millrace.worker.handler.HandlerProvider;
import dev.millrace.worker.handler.Handlers;
import dev.millrace.worker.handler.Handlers.Registration;
import dev.millrace.worker.handler.ResultHandler;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A queue in a test: runs jobs inline, on the test's own thread and without waiting, and says what was enqueued. It uses the same
 * tables, statements and rules as a worker, on a test database that no worker works on. Its clock is set by {@link #advance}, which
 * brings nearer whatever waits for a time: scheduled jobs, retries, snoozes.
 *
 * <pre>{@code
 * try (TestQueue queue = TestQueue.on(database).handle(SEND_EMAIL, mailer::send).open()) {
 *     signUp("a@example.com");
 *     queue.requireEnqueued(SEND_EMAIL, new SendEmail("a@example.com", "Welcome"));
 *     queue.drain().requireNoFailure();
 *     queue.advance(Duration.ofDays(3));
 *     assertEquals(1, queue.drain().completed());
 * }
 * }</pre>
 *
 * <p>Not thread-safe. {@link #close} may be called twice.
 */
public final class TestQueue implements AutoCloseable {

    private final Supervisor supervisor;
    private final InlineEngine engine;
    private final ArgsCodec codec;
    private final List<Throwable> failures;
    private final int mostAttempts;
    private final String schema;
    private Duration ahead = Duration.ZERO;

    private TestQueue(Builder builder, Supervisor supervisor) {
        this.supervisor = supervisor;
        this.codec = builder.codec;
        this.schema = builder.database.schema().quoted();
        this.mostAttempts = builder.mostAttempts;
        this.failures = new ArrayList<>();
        Map<String, Registration<?>> recorded = new LinkedHashMap<>();
        builder.handlers.byKind().forEach((kind, registration) -> recorded.put(kind, recording(registration)));
        this.engine = new InlineEngine(supervisor, recorded, builder.handlers.interceptors(), codec);
    }

    /** On this database, whose schema must be migrated. */
    public static Builder on(Database database) {
        return new Builder(database);
    }

    private <A> Registration<A> recording(Registration<A> registration) {
        ResultHandler<A> handler = registration.handler();
        return new Registration<>(
                registration.type(),
                (job, args) -> {
                    try {
                        return handler.handle(job, args);
                    } catch (Throwable failure) {
                        failures.add(failure);
                        throw failure;
                    }
                },
                registration.retryPolicy());
    }

    /**
     * Runs every job that is available or due, of the kinds that have a handler here, on the calling thread, and what becomes
     * available by that, until nothing is left. What waits for a later time is left: see {@link #advance}.
     *
     * @throws IllegalStateException after {@link Builder#mostAttempts} without an end
     * @throws MillraceException if the database fails
     */
    public Drained drain() {
        failures.clear();
        try {
            return new Drained(engine.drain(mostAttempts), List.copyOf(failures));
        } catch (SQLException failure) {
            throw new MillraceException("Could not drain the queue: " + failure.getMessage(), failure);
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            throw new MillraceException("Draining was interrupted", interrupted);
        }
    }

    /**
     * Sets the clock forward: whatever waits for a time waits that much less. Nothing is run yet.
     *
     * @throws IllegalArgumentException if negative
     */
    public void advance(Duration time) {
        if (time.isNegative()) {
            throw new IllegalArgumentException("Time " + time + " is negative: the clock goes forward only");
        }
        try {
            engine.advance(time);
        } catch (SQLException failure) {
            throw new MillraceException("Could not set the clock: " + failure.getMessage(), failure);
        }
        ahead = ahead.plus(time);
    }

    /**
     * Sets the clock to a moment.
     *
     * @throws IllegalArgumentException if it has passed by {@link #now}
     */
    public void advanceTo(Instant moment) {
        advance(Duration.between(now(), moment));
    }

    /** The database's time and what it was advanced by. */
    public Instant now() {
        try {
            return supervisor.work(connection -> {
                try (Statement statement = connection.createStatement();
                        ResultSet row = statement.executeQuery("SELECT clock_timestamp()")) {
                    row.next();
                    return row.getObject(1, OffsetDateTime.class).toInstant().plus(ahead);
                }
            });
        } catch (SQLException failure) {
            throw new MillraceException("Could not ask for the time: " + failure.getMessage(), failure);
        }
    }

    /** Arguments of all jobs of a type that wait, in the order of their ids; what has run is not among them. */
    public <A> List<A> enqueued(JobType<A> type) {
        try {
            return supervisor.work(connection -> enqueued(connection, type));
        } catch (SQLException failure) {
            throw new MillraceException("Could not look at the queue: " + failure.getMessage(), failure);
        }
    }

    /** As {@link #enqueued(JobType)}, as a transaction of the caller's sees it, with what it has not committed yet. */
    @SuppressWarnings("unchecked") // the codec vouches for the type it was asked for
    public <A> List<A> enqueued(Connection connection, JobType<A> type) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement("SELECT args::text FROM " + schema
                + ".job WHERE kind = ? AND state IN ('available', 'scheduled', 'retryable', 'pending') ORDER BY id")) {
            statement.setString(1, type.kind());
            List<A> all = new ArrayList<>();
            try (ResultSet row = statement.executeQuery()) {
                while (row.next()) {
                    all.add((A) codec.decode(row.getString(1), type.argsType()));
                }
            }
            return all;
        }
    }

    /**
     * Requires that one job of a type waits, with these arguments.
     *
     * @throws AssertionError with what there is instead
     */
    public <A> void requireEnqueued(JobType<A> type, A args) {
        requireAllEnqueued(type, List.of(args));
    }

    /**
     * Requires that jobs of a type with exactly these arguments wait, in this order.
     *
     * @throws AssertionError with what there is instead
     */
    public <A> void requireAllEnqueued(JobType<A> type, List<A> args) {
        List<A> actual = enqueued(type);
        if (!actual.equals(args)) {
            throw new AssertionError("Expected jobs of kind '" + type + "' with " + args + ", but there are " + actual);
        }
    }

    /**
     * Requires that no job of a type waits.
     *
     * @throws AssertionError with what there is
     */
    public void requireNoneEnqueued(JobType<?> type) {
        List<?> actual = enqueued(type);
        if (!actual.isEmpty()) {
            throw new AssertionError("Expected no job of kind '" + type + "', but there are " + actual);
        }
    }

    /** Removes all jobs and unique keys, for the next test on the same database. */
    public void clear() {
        try {
            supervisor.work(connection -> {
                try (Statement statement = connection.createStatement()) {
                    return statement.execute("TRUNCATE " + schema + ".job, " + schema + ".unique_key");
                }
            });
        } catch (SQLException failure) {
            throw new MillraceException("Could not empty the queue: " + failure.getMessage(), failure);
        }
    }

    @Override
    public void close() {
        engine.close();
    }

    /** The handlers of a {@link TestQueue}. Not thread-safe. */
    public static final class Builder {

        private static final Duration CONNECT_LIMIT = Duration.ofSeconds(10);

        private final Database database;
        private final Handlers handlers = new Handlers();
        private ArgsCodec codec = new JacksonArgsCodec();
        private int mostAttempts = 10_000;

        private Builder(Database database) {
            this.database = database;
        }

        /** Adds a handler, as the worker has it. */
        public <A> Builder handle(JobType<A> type, Handler<A> handler) {
            handlers.handle(type, handler);
            return this;
        }

        /** Adds a handler whose outcome is a value, as the worker has it. */
        public <A> Builder handleResult(JobType<A> type, ResultHandler<A> handler) {
            handlers.handleResult(type, handler);
            return this;
        }

        /** Adds all handlers of a provider, as the application registers them. */
        public Builder handlers(HandlerProvider provider) {
            provider.register(handlers);
            return this;
        }

        /** Adds what goes around each handler call, as on the worker; the first one added is the outermost. */
        public Builder intercept(HandlerInterceptor interceptor) {
            handlers.intercept(interceptor);
            return this;
        }

        /** That of the application; default {@link JacksonArgsCodec}. */
        public Builder argsCodec(ArgsCodec codec) {
            this.codec = codec;
            return this;
        }

        /**
         * Attempts after which {@link TestQueue#drain} takes the queue for endless; default 10,000.
         *
         * @throws IllegalArgumentException below 1
         */
        public Builder mostAttempts(int mostAttempts) {
            if (mostAttempts < 1) {
                throw new IllegalArgumentException("Most attempts " + mostAttempts + " is out of range: at least 1");
            }
            this.mostAttempts = mostAttempts;
            return this;
        }

        /**
         * Connects.
         *
         * @throws dev.millrace.connection.DatabaseUnavailableException if the database can't be reached within 10 seconds
         * @throws dev.millrace.migrations.SchemaException if the schema is not migrated
         */
        public TestQueue open() {
            return new TestQueue(this, Supervisor.connect(database, null, CONNECT_LIMIT));
        }
    }
}
