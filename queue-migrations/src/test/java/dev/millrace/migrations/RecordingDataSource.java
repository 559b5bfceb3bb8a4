package dev.millrace.migrations;

import java.io.PrintWriter;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.logging.Logger;
import javax.sql.DataSource;

/** Records the state of each session when it is taken and when it is given back, in auto-commit off as some pools do. */
final class RecordingDataSource implements DataSource {

    private final DataSource delegate;
    private final List<String> given = new ArrayList<>();
    private final List<String> returned = new ArrayList<>();
    private int open;
    private int mostAtOnce;

    RecordingDataSource(DataSource delegate) {
        this.delegate = delegate;
    }

    List<String> given() {
        return given;
    }

    List<String> returned() {
        return returned;
    }

    int mostAtOnce() {
        return mostAtOnce;
    }

    @Override
    public Connection getConnection() throws SQLException {
        Connection session = delegate.getConnection();
        session.setAutoCommit(false);
        given.add(state(session));
        session.rollback();
        mostAtOnce = Math.max(mostAtOnce, ++open);
        return (Connection) Proxy.newProxyInstance(
                getClass().getClassLoader(), new Class<?>[] {Connection.class}, (proxy, method, arguments) -> {
                    if (method.getName().equals("close") && !session.isClosed()) {
                        open--;
                        returned.add(state(session));
                    }
                    try {
                        return method.invoke(session, arguments);
                    } catch (InvocationTargetException e) {
                        throw e.getCause();
                    }
                });
    }

    private static String state(Connection session) throws SQLException {
        try (Statement statement = session.createStatement();
                ResultSet row = statement.executeQuery("""
                        SELECT concat_ws(' | ', current_setting('search_path'), current_setting('role'), current_user,
                            current_setting('default_transaction_isolation'), current_setting('statement_timeout'),
                            current_setting('client_min_messages'),
                            (SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'advisory'))
                        """)) {
            row.next();
            return row.getString(1) + " | autoCommit=" + session.getAutoCommit();
        }
    }

    @Override
    public Connection getConnection(String username, String password) throws SQLException {
        throw new UnsupportedOperationException();
    }

    @Override
    public PrintWriter getLogWriter() throws SQLException {
        return delegate.getLogWriter();
    }

    @Override
    public void setLogWriter(PrintWriter out) throws SQLException {
        delegate.setLogWriter(out);
    }

    @Override
    public void setLoginTimeout(int seconds) throws SQLException {
        delegate.setLoginTimeout(seconds);
    }

    @Override
    public int getLoginTimeout() throws SQLException {
        return delegate.getLoginTimeout();
    }

    @Override
    public Logger getParentLogger() {
        throw new UnsupportedOperationException();
    }

    @Override
    public <T> T unwrap(Class<T> type) throws SQLException {
        return delegate.unwrap(type);
    }

    @Override
    public boolean isWrapperFor(Class<?> type) throws SQLException {
        return delegate.isWrapperFor(type);
    }
}
