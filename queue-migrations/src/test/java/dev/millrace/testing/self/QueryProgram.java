package dev.millrace.testing.self;

import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;

/** What {@link NetworkNamespaceTest} starts: asks the server twenty times a second until that fails. */
public final class QueryProgram {

    private QueryProgram() {}

    public static void main(String[] arguments) {
        try (Connection session = DriverManager.getConnection(arguments[0]);
                Statement statement = session.createStatement()) {
            for (int n = 1; ; n++) {
                statement.execute("SELECT pg_sleep(0.05)");
                System.out.println("answer " + n);
            }
        } catch (SQLException e) {
            System.out.println("failed " + e.getSQLState());
        }
    }
}
