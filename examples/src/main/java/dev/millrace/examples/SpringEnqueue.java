package dev.millrace.examples;

import static dev.millrace.examples.TransactionalEnqueue.SEND_RECEIPT;

import dev.millrace.Millrace;
import dev.millrace.examples.TransactionalEnqueue.SendReceipt;
import java.util.Objects;
import javax.sql.DataSource;
import org.springframework.jdbc.core.ConnectionCallback;
import org.springframework.jdbc.core.JdbcTemplate;
import org.springframework.transaction.annotation.Transactional;

/** An order and its job in the transaction that Spring opens and ends. Safe for use by many threads. */
public class SpringEnqueue {

    private final JdbcTemplate jdbc;
    private final Millrace millrace;

    public SpringEnqueue(DataSource dataSource, Millrace millrace) {
        this.jdbc = new JdbcTemplate(dataSource);
        this.millrace = millrace;
    }

    /** Returns the id of the order. */
    @Transactional
    public long placeOrder(String item, String email) {
        long orderId = Objects.requireNonNull(
                jdbc.queryForObject("INSERT INTO customer_order (item) VALUES (?) RETURNING id", Long.class, item));
        jdbc.execute((ConnectionCallback<Long>)
                connection -> millrace.enqueue(connection, SEND_RECEIPT, new SendReceipt(orderId, email)));
        return orderId;
    }
}
