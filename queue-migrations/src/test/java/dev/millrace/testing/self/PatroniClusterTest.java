package dev.millrace.testing.self;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.millrace.testing.PatroniCluster;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

class PatroniClusterTest {

    @Test
    @Timeout(300)
    void switchoverThenKill_sameUrls_leadToTheNewPrimary() throws SQLException {
        PatroniCluster.assumeInstalled();
        PatroniCluster cluster = PatroniCluster.start();
        try {
            String url = cluster.url("postgres");
            int first = cluster.primaryPort();
            run(url, "CREATE TABLE written (id int); INSERT INTO written VALUES (1)");

            cluster.switchover();
            assertThat(cluster.primaryPort()).isNotEqualTo(first);
            run(url, "INSERT INTO written VALUES (2)");
            awaitWrite(cluster.haproxyUrl("postgres"), "INSERT INTO written VALUES (3)");

            cluster.killPrimary();
            awaitWrite(url, "INSERT INTO written VALUES (4)");
            assertThat(cluster.primaryPort()).isEqualTo(first);
        } finally {
            cluster.close();
            cluster.close();
        }
        assertThatThrownBy(() -> run(cluster.url("postgres"), "SELECT 1")).isInstanceOf(SQLException.class);
    }

    private static void awaitWrite(String url, String sql) {
        await().pollInterval(Duration.ofMillis(200))
                .atMost(Duration.ofSeconds(60))
                .ignoreExceptionsInstanceOf(SQLException.class)
                .untilAsserted(() -> run(url, sql));
    }

    private static void run(String url, String sql) throws SQLException {
        try (Connection session = DriverManager.getConnection(url);
                Statement statement = session.createStatement()) {
            statement.execute(sql);
        }
    }
}
