package dev.millrace.connection;

import java.sql.Connection;
import java.sql.SQLException;

/** Work on a connection that belongs to the caller of this function: it must not be kept or closed. */
@FunctionalInterface
public interface SqlFunction<T> {
    T apply(Connection connection) throws SQLException;
}
