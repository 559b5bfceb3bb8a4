package dev.millrace.examples;

import dev.millrace.Millrace;
import dev.millrace.jdbi.JdbiEnqueue;
import dev.millrace.job.JobType;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import javax.sql.DataSource;
import org.jdbi.v3.core.Jdbi;

/**
 * An order and the job that sends its receipt, in one transaction: no order without its job, no job without its order.
 * Once by JDBC and once by Jdbi. Safe for use by many threads.
 */
public final class TransactionalEnqueue {

    /** The kind, shared by whoever enqueues it and the worker that has its handler. */
    public static final JobType<SendReceipt> SEND_RECEIPT = JobType.of("send_receipt", SendReceipt.class);

    private final Millrace millrace;
    private final JdbiEnqueue jobs;

    public TransactionalEnqueue(Millrace millrace) {
        this.millrace = millrace;
        this.jobs = new JdbiEnqueue(millrace);
    }

    /**
     * Arguments of the job.
     *
     * @param orderId whose receipt
     * @param to mail address
     */
    public record SendReceipt(long orderId, String to) {}

    /** By JDBC. Returns the id of the order. */
    public long placeOrder(DataSource dataSource, String item, String email) throws SQLException {
        try (Connection connection = dataSource.getConnection()) {
            connection.setAutoCommit(false);
            long orderId = insertOrder(connection, item);
            millrace.enqueue(connection, SEND_RECEIPT, new SendReceipt(orderId, email));
            connection.commit();
            return orderId;
        }
    }

    /** By Jdbi. Returns the id of the order. */
    public long placeOrder(Jdbi jdbi, String item, String email) {
        return jdbi.inTransaction(handle -> {
            long orderId = handle.createQuery("INSERT INTO customer_order (item) VALUES (:item) RETURNING id")
                    .bind("item", item)
                    .mapTo(Long.class)
                    .one();
            jobs.enqueue(handle, SEND_RECEIPT, new SendReceipt(orderId, email), options -> options.priority(1));
            return orderId;
        });
    }

    private static long insertOrder(Connection connection, String item) throws SQLException {
        try (PreparedStatement insert =
                connection.prepareStatement("INSERT INTO customer_order (item) VALUES (?) RETURNING id")) {
            insert.setString(1, item);
            try (ResultSet row = insert.executeQuery()) {
                row.next();
                return row.getLong(1);
            }
        }
    }
}
