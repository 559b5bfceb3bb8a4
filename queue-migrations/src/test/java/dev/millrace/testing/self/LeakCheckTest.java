package dev.millrace.testing.self;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.millrace.testing.LeakCheck;
import dev.millrace.testing.PostgresTest;
import dev.millrace.testing.TestDatabase;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

@PostgresTest
class LeakCheckTest {

    /** Of the checks that are to fail. */
    private static final Duration GRACE = Duration.ofMillis(200);

    private final TestDatabase database;

    LeakCheckTest(TestDatabase database) {
        this.database = database;
    }

    /** The server ends a session some time after its client: the next test would find it. */
    @AfterEach
    void nothingIsLeft() {
        LeakCheck.remember(database).verify();
    }

    @Test
    void verify_nothingLeft_passes() {
        LeakCheck.remember(database).verify();
    }

    @Test
    void verify_leakedThread_failsWithItsStack() throws InterruptedException {
        LeakCheck check = LeakCheck.remember(database, GRACE);
        CountDownLatch release = new CountDownLatch(1);
        Thread leaked = new Thread(() -> awaitUninterrupted(release), "millrace-claimer");
        leaked.setDaemon(true);
        leaked.start();
        try {
            assertThatThrownBy(check::verify)
                    .hasMessageContaining("thread millrace-claimer")
                    .hasMessageContaining("awaitUninterrupted");
            LeakCheck.remember(database).verify();
        } finally {
            release.countDown();
            leaked.join();
        }
        check.verify();
    }

    @Test
    void verify_leakedSession_failsWithItsQuery() throws SQLException {
        LeakCheck check = LeakCheck.remember(database, GRACE);
        try (Connection leaked = DriverManager.getConnection(database.url() + "&ApplicationName=millrace%20worker");
                Statement statement = leaked.createStatement()) {
            statement.execute("SELECT 42");
            assertThatThrownBy(check::verify)
                    .hasMessageContaining("application_name=millrace worker")
                    .hasMessageContaining("SELECT 42");
        }
    }

    @Test
    void verify_openTransactionOfAnyone_fails() throws SQLException {
        LeakCheck check = LeakCheck.remember(database, GRACE);
        try (Connection idle = database.connect();
                Statement statement = idle.createStatement()) {
            check.verify();
            statement.execute("BEGIN");
            assertThatThrownBy(check::verify).hasMessageContaining("state=idle in transaction");
        }
    }

    private static void awaitUninterrupted(CountDownLatch release) {
        try {
            release.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
