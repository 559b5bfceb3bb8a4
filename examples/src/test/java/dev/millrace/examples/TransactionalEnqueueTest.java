package dev.millrace.examples;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.millrace.Millrace;
import dev.millrace.connection.Database;
import dev.millrace.testing.PostgresTest;
import dev.millrace.testing.TestDatabase;
import java.sql.SQLException;
import org.jdbi.v3.core.Jdbi;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

@PostgresTest
class TransactionalEnqueueTest {

    private final TestDatabase database;
    private Millrace millrace;

    TransactionalEnqueueTest(TestDatabase database) {
        this.database = database;
    }

    @BeforeEach
    void connect() {
        database.execute("TRUNCATE job");
        database.execute("DROP TABLE IF EXISTS public.customer_order");
        database.execute("CREATE TABLE public.customer_order "
                + "(id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, item text NOT NULL)");
        millrace = Millrace.connect(Database.of(database.url()));
    }

    @AfterEach
    void close() {
        millrace.close();
    }

    private long ordersWithTheirJob() {
        return database.queryLong("""
                SELECT count(*) FROM public.customer_order AS o
                JOIN job AS j ON (j.args ->> 'orderId')::bigint = o.id AND j.kind = 'send_receipt'""");
    }

    @Test
    void placeOrder_byJdbcOrJdbi_commitsOrderAndJob() throws SQLException {
        TransactionalEnqueue shop = new TransactionalEnqueue(millrace);
        shop.placeOrder(database.dataSource(), "book", "a@example.com");
        shop.placeOrder(Jdbi.create(database.dataSource()), "pen", "b@example.com");
        assertThat(ordersWithTheirJob()).isEqualTo(2);
    }

    @Test
    void placeOrder_jobRefused_leavesNoOrder() {
        database.execute("ALTER TABLE job_available ADD CONSTRAINT no_receipts CHECK (kind <> 'send_receipt')");
        TransactionalEnqueue shop = new TransactionalEnqueue(millrace);
        try {
            assertThatThrownBy(() -> shop.placeOrder(database.dataSource(), "book", "a@example.com"))
                    .hasMessageContaining("no_receipts");
            assertThatThrownBy(() -> shop.placeOrder(Jdbi.create(database.dataSource()), "pen", "b@example.com"))
                    .hasMessageContaining("no_receipts");
        } finally {
            database.execute("ALTER TABLE job_available DROP CONSTRAINT no_receipts");
        }
        assertThat(database.queryLong("SELECT count(*) FROM public.customer_order"))
                .isZero();
    }
}
