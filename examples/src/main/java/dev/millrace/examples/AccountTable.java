package dev.millrace.examples;

import dev.millrace.examples.ExampleJobs.Transfer;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;

/** The business table of {@link ExampleJobs#TRANSFER}, where the user's search_path puts it. Stateless. */
final class AccountTable {

    /** What an account holds when it is first used. */
    static final long STARTING_BALANCE = 1_000;

    /** Returns true: the table is there. */
    boolean createIfAbsent(Connection connection) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            // Asks first, for users who may not create anything, then queues up: IF NOT EXISTS alone fails where two
            // sessions create the same table at once.
            if (!exists(statement)) {
                statement.execute("SELECT pg_advisory_xact_lock(hashtext('example_account'))");
                statement.execute(
                        "CREATE TABLE IF NOT EXISTS example_account (id text PRIMARY KEY, balance bigint NOT NULL)");
            }
        }
        return true;
    }

    /**
     * One statement that creates both accounts where needed, locks them in the order of their ids, so that two
     * transfers never wait for each other, and changes the balances.
     */
    void move(Connection connection, Transfer transfer) throws SQLException {
        if (transfer.from().equals(transfer.to())) {
            return;
        }
        try (PreparedStatement statement = connection.prepareStatement("""
                INSERT INTO example_account AS account (id, balance)
                SELECT id, ? + change FROM (VALUES (?::text, -?::bigint), (?, ?)) AS moved (id, change) ORDER BY id
                ON CONFLICT (id) DO UPDATE SET balance = account.balance + (excluded.balance - ?)
                """)) {
            statement.setLong(1, STARTING_BALANCE);
            statement.setString(2, transfer.from());
            statement.setLong(3, transfer.amount());
            statement.setString(4, transfer.to());
            statement.setLong(5, transfer.amount());
            statement.setLong(6, STARTING_BALANCE);
            statement.executeUpdate();
        }
    }

    private static boolean exists(Statement statement) throws SQLException {
        try (ResultSet row = statement.executeQuery("SELECT to_regclass('example_account') IS NOT NULL")) {
            row.next();
            return row.getBoolean(1);
        }
    }
}
