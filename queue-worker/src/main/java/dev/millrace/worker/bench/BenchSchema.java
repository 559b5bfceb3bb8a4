package dev.millrace.worker.bench;

import dev.millrace.connection.Database;
import dev.millrace.connection.Faults;
import dev.millrace.error.MillraceException;
import dev.millrace.migrations.Migrator;
import dev.millrace.migrations.SchemaName;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;

/**
 * A schema that belongs to one run of the benchmark, beside that of the jobs: made fresh, and gone with everything in it when it
 * is closed. An advisory lock keeps a second run off; what a run left that was killed, the next one removes. Not thread-safe.
 */
final class BenchSchema implements AutoCloseable {

    private static final String SUFFIX = "_bench";
    private static final String MARK = "Made by millrace bench, which removes it";

    private final Connection session;
    private final Database database;
    private final Progress progress;
    private boolean closed;

    private BenchSchema(Connection session, Database database, Progress progress) {
        this.session = session;
        this.database = database;
        this.progress = progress;
    }

    /**
     * Makes it, with all tables.
     *
     * @param beside the schema of the jobs, which is not touched
     * @param progress is told if it can't be removed in the end
     * @throws MillraceException if another run has it, or somebody else, or the database can't be reached or refuses
     */
    static BenchSchema create(Database beside, Progress progress) {
        SchemaName name = new SchemaName(beside.schema().value() + SUFFIX);
        try {
            return create(beside.withSchema(name), name, progress);
        } catch (SQLException failure) {
            throw new MillraceException(
                    "The benchmark could not make its schema " + name.quoted() + " in " + beside + ": "
                            + Faults.brief(failure),
                    failure);
        }
    }

    private static BenchSchema create(Database database, SchemaName name, Progress progress) throws SQLException {
        Connection session = Sessions.open(database);
        try {
            lock(session, name);
            requireOwn(session, name);
            drop(session, name);
            try (Statement statement = session.createStatement()) {
                statement.execute("CREATE SCHEMA " + name.quoted());
                statement.execute("COMMENT ON SCHEMA " + name.quoted() + " IS '" + MARK + "'");
            }
            Migrator.of(database.unpooled(), name).migrate();
            return new BenchSchema(session, database, progress);
        } catch (SQLException | RuntimeException failure) {
            session.close();
            throw failure;
        }
    }

    private static void lock(Connection session, SchemaName name) throws SQLException {
        try (PreparedStatement statement =
                session.prepareStatement("SELECT pg_try_advisory_lock(hashtext('millrace bench'), hashtext(?))")) {
            statement.setString(1, name.value());
            try (ResultSet row = statement.executeQuery()) {
                row.next();
                if (!row.getBoolean(1)) {
                    throw new MillraceException(
                            "Another benchmark runs in schema " + name.quoted()
                                    + " of this database: wait for its end, or give another --schema",
                            null);
                }
            }
        }
    }

    private static void requireOwn(Connection session, SchemaName name) throws SQLException {
        try (PreparedStatement statement = session.prepareStatement(
                "SELECT obj_description(oid, 'pg_namespace') FROM pg_namespace WHERE nspname = ?")) {
            statement.setString(1, name.value());
            try (ResultSet row = statement.executeQuery()) {
                if (row.next() && !MARK.equals(row.getString(1))) {
                    throw new MillraceException(
                            "Schema " + name.quoted()
                                    + " is there and not of a benchmark, so it is left alone: give another"
                                    + " --schema, to whose name " + SUFFIX + " is added",
                            null);
                }
            }
        }
    }

    private static void drop(Connection session, SchemaName name) throws SQLException {
        try (Statement statement = session.createStatement()) {
            // What is dropped is told one by one where anybody listens.
            statement.execute("SET client_min_messages = warning");
            statement.execute("DROP SCHEMA IF EXISTS " + name.quoted() + " CASCADE");
        }
    }

    /** The same database with this schema. */
    Database database() {
        return database;
    }

    /** Does not throw: what was measured counts, whatever becomes of the schema. */
    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        progress.step("removing the schema of the benchmark");
        try (session) {
            drop(session, database.schema());
        } catch (SQLException ended) {
            removeAnew(ended);
        }
    }

    /** In a session of its own, once; unless another run has the schema by now, which has then removed what was there. */
    private void removeAnew(SQLException before) {
        try (Connection anew = Sessions.open(database)) {
            lock(anew, database.schema());
            drop(anew, database.schema());
        } catch (SQLException | MillraceException failure) {
            progress.step("the schema " + database.schema().quoted() + " is not removed: " + Faults.brief(before)
                    + "; then: " + Faults.brief(failure) + ". The next benchmark removes it");
        }
    }
}
