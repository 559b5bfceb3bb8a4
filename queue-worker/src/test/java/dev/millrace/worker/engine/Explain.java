package dev.millrace.worker.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.connection.Plans;
import dev.millrace.connection.Supervisor;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Runs the very statements that the engine prepares under EXPLAIN ANALYZE, on its own connections, and rolls back. */
public final class Explain {

    /** Rows a statement may read for each row it returns: index entry, row and a recheck. */
    private static final int PER_ROW = 3;

    private Explain() {}

    /** A claim that starts at the same run order in all lanes. */
    static Floors.Range from(long floor) {
        return new Floors.Range(new long[] {floor, floor, floor, floor}, Long.MAX_VALUE, false);
    }

    @FunctionalInterface
    public interface Statement {
        Object run(Connection connection) throws SQLException;
    }

    /** Runs what the engine prepares under EXPLAIN ANALYZE, and rolls back. */
    public static JsonNode plan(Supervisor supervisor, Statement statement) throws SQLException {
        return plan(supervisor, Plans.FRESH, statement);
    }

    static JsonNode plan(Supervisor supervisor, Plans plans, Statement statement) throws SQLException {
        AtomicReference<String> plan = new AtomicReference<>();
        supervisor.work(plans, connection -> {
            connection.setAutoCommit(false);
            try {
                statement.run(explaining(connection, plan));
            } catch (SQLException noRowsInAPlan) {
                assertThat(plan.get()).as(noRowsInAPlan.getMessage()).isNotNull();
            } finally {
                connection.rollback();
                connection.setAutoCommit(true);
            }
            return null;
        });
        return JsonMapper.shared().readTree(plan.get()).get(0).path("Plan");
    }

    /** A connection whose prepared statements are explained instead: their results are empty. */
    private static Connection explaining(Connection real, AtomicReference<String> plan) {
        return proxy(Connection.class, real, (name, call) -> {
            if (!name.equals("prepareStatement")) {
                return call.proceed(null);
            }
            PreparedStatement explained =
                    (PreparedStatement) call.proceed("EXPLAIN (ANALYZE, BUFFERS, WAL, FORMAT JSON) ");
            return proxy(PreparedStatement.class, explained, (statementCall, proceed) -> {
                Object result = proceed.proceed(null);
                if (statementCall.equals("executeQuery")) {
                    ResultSet rows = (ResultSet) result;
                    rows.next();
                    plan.set(rows.getString(1));
                    rows.next();
                }
                return result;
            });
        });
    }

    @FunctionalInterface
    private interface Proceed {
        Object proceed(String prefix) throws SQLException;
    }

    @FunctionalInterface
    private interface Around {
        Object call(String method, Proceed proceed) throws SQLException;
    }

    private static <T> T proxy(Class<T> type, T target, Around around) {
        return type.cast(Proxy.newProxyInstance(
                type.getClassLoader(),
                new Class<?>[] {type},
                (proxy, method, args) -> around.call(method.getName(), prefix -> {
                    try {
                        if (prefix != null) {
                            args[0] = prefix + args[0];
                        }
                        return method.invoke(target, args);
                    } catch (InvocationTargetException failure) {
                        if (failure.getCause() instanceof SQLException sql) {
                            throw sql;
                        }
                        throw new IllegalStateException(failure.getCause());
                    } catch (IllegalAccessException impossible) {
                        throw new IllegalStateException(impossible);
                    }
                })));
    }

    /** What a statement has touched and written, for each row that it moved. */
    static void print(String name, JsonNode plan, int rows) {
        System.out.printf(
                "%s of %d: %.1f ms; for each job %.1f buffers, %.1f WAL records, %d bytes (%d full pages in all)%n",
                name,
                rows,
                plan.path("Actual Total Time").asDouble(),
                plan.path("Shared Hit Blocks").asDouble() / rows,
                plan.path("WAL Records").asDouble() / rows,
                plan.path("WAL Bytes").asInt() / rows,
                plan.path("WAL FPI").asInt());
    }

    /** The nodes that read a table. */
    static List<JsonNode> scans(JsonNode plan, String relation) {
        return all(plan)
                .filter(node -> node.path("Relation Name").asString("").equals(relation)
                        && node.path("Node Type").asString().endsWith("Scan"))
                .toList();
    }

    static void assertReads(JsonNode plan, String relation, int returned) {
        double read =
                scans(plan, relation).stream().mapToDouble(Explain::readBy).sum();
        assertThat(read).as(plan.toPrettyString()).isLessThanOrEqualTo((double) PER_ROW * returned);
        assertThat(nodes(plan, "Seq Scan"))
                .as(plan.toPrettyString())
                .noneSatisfy(node ->
                        assertThat(node.path("Relation Name").asString()).isEqualTo(relation));
    }

    /** Rows of all tables that a plan read, those that it read in vain included. */
    public static double read(JsonNode plan) {
        return all(plan)
                .filter(node -> node.has("Relation Name"))
                .mapToDouble(Explain::readBy)
                .sum();
    }

    private static double readBy(JsonNode node) {
        return (node.path("Actual Rows").asDouble()
                        + node.path("Rows Removed by Filter").asDouble(0)
                        + node.path("Rows Removed by Index Recheck").asDouble(0))
                * node.path("Actual Loops").asDouble();
    }

    /** Rows that went through row locking. */
    static int locked(JsonNode plan) {
        return nodes(plan, "LockRows").stream()
                .mapToInt(node -> (int) Math.round(node.path("Actual Rows").asDouble()
                        * node.path("Actual Loops").asDouble()))
                .sum();
    }

    public static List<JsonNode> nodes(JsonNode plan, String type) {
        return all(plan)
                .filter(node -> node.path("Node Type").asString().equals(type))
                .toList();
    }

    private static Stream<JsonNode> all(JsonNode plan) {
        JsonNode children = plan.path("Plans");
        return Stream.concat(
                Stream.of(plan),
                IntStream.range(0, children.size()).mapToObj(children::get).flatMap(Explain::all));
    }
}
