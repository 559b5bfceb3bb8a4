package dev.millrace.testing;

import dev.millrace.migrations.SchemaName;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;
import org.postgresql.ds.PGSimpleDataSource;

/**
 * A database that one test class owns. The statement methods open a session of their own for each call, in which
 * unqualified names mean the tables of {@link #schema()}. Safe for use by many threads.
 */
public final class TestDatabase {

    private final String name;
    private final String url;
    private final SchemaName schema;

    TestDatabase(String name, String url, SchemaName schema) {
        this.name = name;
        this.url = url;
        this.schema = schema;
    }

    public String name() {
        return name;
    }

    /** JDBC URL with user and password as parameters. */
    public String url() {
        return url;
    }

    /** The schema of the job tables: {@code millrace} unless changed by {@link #in}. */
    public SchemaName schema() {
        return schema;
    }

    /** The same database with another schema for the statement methods. */
    public TestDatabase in(SchemaName other) {
        return new TestDatabase(name, url, other);
    }

    /**
     * A new session named {@code test} that the caller closes. Its search_path is the server's default, so that code
     * under test which forgets to qualify a name is found out.
     */
    public Connection connect() {
        return connect(new Properties());
    }

    /** Sessions as of {@link #connect()}, not pooled. */
    public DataSource dataSource() {
        PGSimpleDataSource dataSource = new PGSimpleDataSource();
        dataSource.setUrl(url);
        dataSource.setApplicationName("test");
        return dataSource;
    }

    /** Runs one statement with parameters, or any number of statements without. */
    public void execute(String sql, @Nullable Object... parameters) {
        try (Connection session = connectToSchema()) {
            if (parameters.length == 0) {
                try (Statement statement = session.createStatement()) {
                    statement.execute(sql);
                }
            } else {
                try (PreparedStatement statement = prepare(session, sql, parameters)) {
                    statement.execute();
                }
            }
        } catch (SQLException e) {
            throw new SqlFailure(sql, e);
        }
    }

    /** First column of the one row. */
    public long queryLong(String sql, @Nullable Object... parameters) {
        Object value = single(sql, parameters);
        if (value instanceof Number number) {
            return number.longValue();
        }
        throw new AssertionError("not a number but " + value + ": " + sql);
    }

    /** First column of the one row, as text. */
    public @Nullable String queryString(String sql, @Nullable Object... parameters) {
        Object value = single(sql, parameters);
        return value == null ? null : value.toString();
    }

    /** All rows; columns in order, by label. */
    public List<Map<String, Object>> query(String sql, @Nullable Object... parameters) {
        try (Connection session = connectToSchema();
                PreparedStatement statement = prepare(session, sql, parameters);
                ResultSet row = statement.executeQuery()) {
            ResultSetMetaData columns = row.getMetaData();
            List<Map<String, Object>> rows = new ArrayList<>();
            while (row.next()) {
                Map<String, Object> values = new LinkedHashMap<>();
                for (int column = 1; column <= columns.getColumnCount(); column++) {
                    values.put(columns.getColumnLabel(column), row.getObject(column));
                }
                rows.add(values);
            }
            return rows;
        } catch (SQLException e) {
            throw new SqlFailure(sql, e);
        }
    }

    @Override
    public String toString() {
        return name;
    }

    private @Nullable Object single(String sql, @Nullable Object... parameters) {
        List<Map<String, Object>> rows = query(sql, parameters);
        if (rows.size() != 1) {
            throw new AssertionError(rows.size() + " rows instead of one: " + sql);
        }
        return rows.get(0).values().iterator().next();
    }

    private static PreparedStatement prepare(Connection session, String sql, @Nullable Object... parameters)
            throws SQLException {
        PreparedStatement statement = session.prepareStatement(sql);
        for (int i = 0; i < parameters.length; i++) {
            statement.setObject(i + 1, parameters[i]);
        }
        return statement;
    }

    private Connection connectToSchema() {
        Properties properties = new Properties();
        properties.setProperty("currentSchema", schema.quoted());
        return connect(properties);
    }

    private Connection connect(Properties properties) {
        properties.setProperty("ApplicationName", "test");
        try {
            return DriverManager.getConnection(url, properties);
        } catch (SQLException e) {
            throw new SqlFailure("connect to " + name, e);
        }
    }
}
