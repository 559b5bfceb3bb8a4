package dev.millrace.worker.http;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.slf4j.LoggerFactory;

class AuditLogTest {

    private static final Instant NOW = Instant.parse("2027-01-31T12:00:00Z");

    private final AuditLog audit = new AuditLog(Clock.fixed(NOW, ZoneOffset.UTC));
    private final Logger logger = (Logger) LoggerFactory.getLogger(AuditLog.LOGGER);
    private final ListAppender<ILoggingEvent> appender = new ListAppender<>();

    @BeforeEach
    void listen() {
        appender.start();
        logger.addAppender(appender);
        logger.setLevel(Level.INFO);
    }

    @AfterEach
    void stopListening() {
        logger.detachAppender(appender);
        logger.setLevel(null);
    }

    private List<String> lines() {
        return appender.list.stream().map(ILoggingEvent::getFormattedMessage).toList();
    }

    @Test
    void action_isOneLineAndKept() {
        audit.write("ann", "10.0.0.7", "cancel jobs", "queue mail", 12, "cancelled");

        assertThat(lines())
                .containsExactly("who=\"ann\" remote=\"10.0.0.7\" action=\"cancel jobs\" on=\"queue mail\" count=12"
                        + " result=\"cancelled\"");
        assertThat(audit.recent())
                .containsExactly(new AuditEntry(NOW, "ann", "10.0.0.7", "cancel jobs", "queue mail", 12, "cancelled"));
    }

    @Test
    void action_onHostileText_staysOneLineAndOneValue() {
        audit.write(
                "ann", "::1", "pause queue", "a\" count=0\r\nwho=\"eve\u001b[31m\u2028\u0085\u202e\\ ä", 1, "paused");

        assertThat(lines())
                .singleElement()
                .asString()
                .contains(
                        "on=\"a\\\" count=0\\u000d\\u000awho=\\\"eve\\u001b[31m\\u2028\\u0085\\u202e\\\\ ä\" count=1");
    }

    @Test
    void action_onLongText_isCut() {
        audit.write("ann", "::1", "cancel jobs", "x".repeat(100_000), 1, "cancelled");

        assertThat(lines().get(0).length()).isLessThan(1_000);
        assertThat(audit.recent().get(0).on().length()).isLessThan(1_000);
    }

    @Test
    void recent_many_keepsTheLastOnes() {
        for (int i = 0; i < AuditLog.KEPT + 10; i++) {
            audit.write("ann", "::1", "retry job", "job " + i, 1, "available");
        }

        assertThat(audit.recent()).hasSize(AuditLog.KEPT);
        assertThat(audit.recent().get(0).on()).isEqualTo("job " + (AuditLog.KEPT + 9));
    }

    @Test
    void recent_manyOfUnknownCallers_leavesTheOthers() {
        audit.write("ann", "::1", "retry job", "job 1", 1, "retried");
        for (int i = 0; i < 1_000; i++) {
            audit.write("?", "10.0.0.9", "retry job", "/jobs/" + i, 0, "refused");
        }
        audit.write("ann", "::1", "retry job", "job 2", 1, "retried");

        assertThat(audit.recent()).hasSize(2 + AuditLog.KEPT_OF_UNKNOWN);
        assertThat(audit.recent())
                .extracting(AuditEntry::on)
                .startsWith("job 2", "/jobs/999")
                .endsWith("/jobs/950", "job 1");
    }
}
