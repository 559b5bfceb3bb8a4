package dev.millrace.connection;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.connection.Faults.Phase;
import java.sql.SQLException;
import javax.net.ssl.SSLHandshakeException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class FaultsTest {

    @ParameterizedTest
    @CsvSource({
        "08001, CONNECT, RECONNECT",
        "08006, USE, RECONNECT",
        "08003, USE, RECONNECT",
        "08004, CONNECT, CONFIGURATION",
        "08P01, CONNECT, OVERLOAD",
        "08007, COMMIT, UNKNOWN_RESULT",
        "40003, USE, UNKNOWN_RESULT",
        "08006, COMMIT, UNKNOWN_RESULT",
        "57P01, USE, RECONNECT",
        "57P02, USE, RECONNECT",
        "57P03, CONNECT, STARTUP",
        "57P05, USE, RECONNECT",
        "25P03, USE, RECONNECT",
        "25P04, USE, RECONNECT",
        "57P04, USE, CONFIGURATION",
        "57014, USE, TIMED_OUT",
        "55P03, USE, TIMED_OUT",
        "40001, USE, CONFLICT",
        "40P01, USE, CONFLICT",
        "25006, USE, FAILOVER",
        "53300, CONNECT, OVERLOAD",
        "53100, USE, OVERLOAD",
        "53200, USE, OVERLOAD",
        "53400, USE, OVERLOAD",
        "53000, USE, OVERLOAD",
        "54000, USE, OVERLOAD",
        "58030, USE, RECONNECT",
        "58000, USE, RECONNECT",
        "58P01, USE, RECONNECT",
        "XX000, USE, RECONNECT",
        "28P01, CONNECT, CONFIGURATION",
        "28000, CONNECT, CONFIGURATION",
        "3D000, CONNECT, CONFIGURATION",
        "42501, CONNECT, CONFIGURATION",
        "42501, USE, SCHEMA",
        "55000, CONNECT, STARTUP",
        "42P01, USE, SCHEMA",
        "42703, USE, SCHEMA",
        "42883, USE, SCHEMA",
        "22P02, USE, CALLER",
        "23505, USE, CALLER"
    })
    void classify_state_byPhase(String state, Phase phase, FaultClass expected) {
        assertThat(Faults.classify(new SQLException("x", state), phase)).isEqualTo(expected);
        assertThat(Faults.classify(new RuntimeException(new SQLException("x", state)), phase))
                .isEqualTo(expected);
    }

    @Test
    void classify_tlsFailureAtConnect_isConfiguration() {
        SQLException refused = new SQLException("SSL error", "08006", new SSLHandshakeException("untrusted"));
        assertThat(Faults.classify(refused, Phase.CONNECT)).isEqualTo(FaultClass.CONFIGURATION);
        assertThat(Faults.classify(refused, Phase.USE)).isEqualTo(FaultClass.RECONNECT);
    }

    @Test
    void classify_noState_losesTheConnection() {
        assertThat(Faults.classify(new SQLException("HikariDataSource has been closed"), Phase.USE))
                .isEqualTo(FaultClass.RECONNECT);
    }

    @Test
    void brief_manyLines_isOneLineWithState() {
        assertThat(Faults.brief(new SQLException("first\nsecond", "42601"))).isEqualTo("first [42601]");
    }
}
