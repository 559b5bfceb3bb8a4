package dev.millrace.testing.self;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.millrace.testing.FakeClock;
import dev.millrace.testing.PgServer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class FakeClockTest {

    @Test
    void serverHasTheClock_itJumps_andNothingIsLeftBehind() throws Exception {
        FakeClock.assumeAvailable();
        Set<String> before = sharedMemory();
        try (FakeClock clock = FakeClock.offBy(Duration.ofHours(3));
                PgServer server = PgServer.builder().clock(clock).start()) {
            assertThat(now(server)).isCloseTo(expected(Duration.ofHours(3)), within(60L));
            clock.set(Duration.ofHours(-2));
            assertThat(now(server)).isCloseTo(expected(Duration.ofHours(-2)), within(60L));
            server.restart();
            assertThat(now(server)).isCloseTo(expected(Duration.ofHours(-2)), within(60L));
        }
        assertThat(sharedMemory()).isSubsetOf(before);
    }

    private static long expected(Duration offset) {
        return Instant.now().plus(offset).getEpochSecond();
    }

    private static Set<String> sharedMemory() throws IOException {
        try (Stream<Path> files = Files.list(Path.of("/dev/shm"))) {
            return files.map(Path::toString)
                    .filter(name -> name.contains("faketime"))
                    .collect(Collectors.toSet());
        }
    }

    private static long now(PgServer server) throws SQLException {
        try (Connection session = DriverManager.getConnection(server.url("postgres"));
                ResultSet row = session.createStatement()
                        .executeQuery("SELECT extract(epoch FROM clock_timestamp())::bigint")) {
            row.next();
            return row.getLong(1);
        }
    }
}
