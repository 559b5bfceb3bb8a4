package dev.millrace.examples;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.Millrace;
import dev.millrace.connection.Database;
import dev.millrace.testing.PostgresTest;
import dev.millrace.testing.TestDatabase;
import javax.sql.DataSource;
import org.junit.jupiter.api.Test;
import org.springframework.jdbc.support.JdbcTransactionManager;
import org.springframework.transaction.support.TransactionTemplate;

/** The sample within a transaction of Spring, opened as {@code @Transactional} opens it. */
@PostgresTest
class SpringEnqueueTest {

    private final TestDatabase database;

    SpringEnqueueTest(TestDatabase database) {
        this.database = database;
    }

    @Test
    void placeOrder_committedOrRolledBack_orderAndJobAgree() {
        database.execute("CREATE TABLE public.customer_order "
                + "(id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, item text NOT NULL)");
        DataSource dataSource = database.dataSource();
        TransactionTemplate transaction = new TransactionTemplate(new JdbcTransactionManager(dataSource));
        try (Millrace millrace = Millrace.connect(Database.of(database.url()))) {
            SpringEnqueue shop = new SpringEnqueue(dataSource, millrace);
            transaction.execute(status -> shop.placeOrder("book", "a@example.com"));
            transaction.execute(status -> {
                status.setRollbackOnly();
                return shop.placeOrder("pen", "b@example.com");
            });
        }

        assertThat(database.queryString("SELECT string_agg(item, ' ') FROM public.customer_order"))
                .isEqualTo("book");
        assertThat(database.queryString("SELECT string_agg(args ->> 'to', ' ') FROM job"))
                .isEqualTo("a@example.com");
    }
}
