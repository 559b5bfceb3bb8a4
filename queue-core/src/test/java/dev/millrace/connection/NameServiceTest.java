package dev.millrace.connection;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.migrations.Migrator;
import dev.millrace.migrations.SchemaName;
import dev.millrace.testing.JavaProcess;
import dev.millrace.testing.NameServer;
import dev.millrace.testing.NetworkNamespace;
import dev.millrace.testing.PgServer;
import java.time.Duration;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** The name server takes the question and says nothing: a look-up hangs in the C library, where no timeout of ours reaches. */
class NameServiceTest {

    private static final Duration SOON = Duration.ofSeconds(90);
    private static final Pattern CONNECTING = Pattern.compile("connecting at most (\\d+)");
    private static final Pattern CLOSED = Pattern.compile("closed after (\\d+) ms");

    @Test
    void lookUpsThatHang_pileUpNoThreads_andEndWhenTheNameServerAnswers() throws Exception {
        NetworkNamespace.assumeAvailable();
        try (NetworkNamespace namespace = NetworkNamespace.open();
                PgServer server = PgServer.builder().reachableFrom(namespace).start();
                NameServer names = NameServer.silent(namespace)) {
            Migrator.of(Database.of(server.url("postgres")).unpooled(), SchemaName.DEFAULT)
                    .migrate();
            // One look-up takes two minutes; an attempt to connect is given up after four seconds.
            namespace.resolveAt(namespace.outsideAddress(), "timeout:20 attempts:5");
            String url = server.url(namespace, "postgres").replace(namespace.outsideAddress(), "database.test");
            try (JavaProcess process = start(namespace, url);
                    JavaProcess closed = start(namespace, url)) {
                closed.awaitStdout("epoch 2", SOON);
                closed.terminate();
                assertThat(closed.waitFor(SOON)).isEqualTo(143);
                // Long before the look-up.
                assertThat(last(CLOSED, closed)).isLessThan(5_000);

                process.awaitStdout("epoch 6", SOON);
                assertThat(process.stdout()).contains("live true").doesNotContain("live false", "ready true");
                assertThat(names.questions()).isPositive();
                long threads = last(CONNECTING, process);

                names.answer(namespace.outsideAddress());
                long answers = System.nanoTime();
                process.awaitStdout("ready true", SOON);
                System.out.printf(
                        "| name server silent | %d threads in a look-up | closed after %d ms | usable %d ms after it answers, asked each 20 s |%n",
                        threads,
                        last(CLOSED, closed),
                        Duration.ofNanos(System.nanoTime() - answers).toMillis());
                assertThat(threads).isBetween(1L, 2L);
            }
        }
    }

    private static JavaProcess start(NetworkNamespace namespace, String url) {
        return JavaProcess.main(System.getProperty("java.class.path"), NameServiceProgram.class.getName(), url)
                .options("-Xmx128m", "-XX:TieredStopAtLevel=1")
                .prefix(namespace.prefix())
                .start();
    }

    private static long last(Pattern pattern, JavaProcess process) {
        return pattern.matcher(process.stdout())
                .results()
                .map(MatchResult::group)
                .map(text -> text.replaceAll("\\D", ""))
                .mapToLong(Long::parseLong)
                .max()
                .orElseThrow(() -> new AssertionError("not said: " + process.stdout()));
    }
}
