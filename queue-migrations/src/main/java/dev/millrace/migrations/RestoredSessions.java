package dev.millrace.migrations;

import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import javax.sql.DataSource;

/**
 * The same connections, given back with the role and search_path that they came with. Flyway ends with {@code SET ROLE}
 * to the user's own name, which is not the same as no role: it would stay in an application's pool.
 */
final class RestoredSessions {

    private RestoredSessions() {}

    static DataSource of(DataSource dataSource) {
        return proxy(DataSource.class, (proxy, method, arguments) -> {
            Object result = invoke(dataSource, method, arguments);
            return result instanceof Connection session ? restoring(session) : result;
        });
    }

    private static Connection restoring(Connection session) throws SQLException {
        String role;
        String searchPath;
        try (Statement statement = session.createStatement();
                ResultSet row =
                        statement.executeQuery("SELECT current_setting('role'), current_setting('search_path')")) {
            row.next();
            role = row.getString(1);
            searchPath = row.getString(2);
        } catch (SQLException e) {
            session.close();
            throw e;
        }
        endTransaction(session);
        return proxy(Connection.class, (proxy, method, arguments) -> {
            if (method.getName().equals("close") && !session.isClosed()) {
                try {
                    restore(session, role, searchPath);
                } catch (SQLException broken) {
                    // a session that does not answer any more keeps no state either; the pool finds out
                }
            }
            return invoke(session, method, arguments);
        });
    }

    private static void restore(Connection session, String role, String searchPath) throws SQLException {
        endTransaction(session);
        try (PreparedStatement statement =
                session.prepareStatement("SELECT set_config('role', ?, false), set_config('search_path', ?, false)")) {
            statement.setString(1, role);
            statement.setString(2, searchPath);
            statement.execute();
        }
        if (!session.getAutoCommit()) {
            session.commit();
        }
    }

    private static void endTransaction(Connection session) throws SQLException {
        if (!session.getAutoCommit()) {
            session.rollback();
        }
    }

    private static Object invoke(Object target, Method method, Object[] arguments) throws Throwable {
        try {
            return method.invoke(target, arguments);
        } catch (InvocationTargetException e) {
            throw e.getCause() == null ? e : e.getCause();
        }
    }

    private static <T> T proxy(Class<T> type, InvocationHandler handler) {
        return type.cast(
                Proxy.newProxyInstance(RestoredSessions.class.getClassLoader(), new Class<?>[] {type}, handler));
    }
}
