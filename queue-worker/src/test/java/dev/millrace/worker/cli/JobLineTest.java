package dev.millrace.worker.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.millrace.job.EnqueueOptions;
import dev.millrace.job.NewJob;
import dev.millrace.job.RetryPolicy;
import java.time.Duration;
import java.time.Instant;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class JobLineTest {

    private static final int LIMIT = 100;

    @Test
    void parse_kindAlone_hasTheDefaults() {
        NewJob job = parse("{\"kind\":\"mail\"}");

        assertThat(job).isEqualTo(new NewJob("mail", "{}", EnqueueOptions.DEFAULTS));
    }

    @Test
    void parse_allFields_areTakenOver() {
        NewJob job = parse("""
                {"kind": "mail", "args": {"to": "ä"}, "queue": "q", "priority": 1, "in": "5m", "max_attempts": 3, "timeout": "PT2H",
                 "tags": ["a", "b"], "metadata": {"m": 1}, "retry_policy": "exponential 1s 2 1h"}""");

        assertThat(job.args()).isEqualTo("{\"to\":\"ä\"}");
        assertThat(job.options().queue()).isEqualTo("q");
        assertThat(job.options().priority()).isEqualTo(1);
        assertThat(job.options().in()).isEqualTo(Duration.ofMinutes(5));
        assertThat(job.options().maxAttempts()).isEqualTo(3);
        assertThat(job.options().timeout()).isEqualTo(Duration.ofHours(2));
        assertThat(job.options().tags()).containsExactly("a", "b");
        assertThat(job.options().metadata()).isEqualTo("{\"m\":1}");
        assertThat(job.options().retryPolicy())
                .isEqualTo(RetryPolicy.exponential(Duration.ofSeconds(1), 2, Duration.ofHours(1)));
        assertThat(parse("{\"kind\":\"m\",\"at\":\"2027-01-31T12:00:00+01:00\"}")
                        .options()
                        .at())
                .isEqualTo(Instant.parse("2027-01-31T11:00:00Z"));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "123456789012345678901234567890",
                "0.1234567890123456789012345678901234567890",
                "1.10",
                "[1,\"\\\"\\\\u0000\"]",
                "null",
                "\"😀\"",
            })
    void parse_args_keepEachDigitAndCharacter(String args) {
        assertThat(parse("{\"kind\":\"k\",\"args\":" + args + "}").args()).isEqualTo(args);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "{\"kind\":\"k\",\"retry_policy\":\"often\"} | 'often' is not a retry policy",
                "[]                                         | it is not a JSON object",
                "1                                          | it is not a JSON object",
                "{                                          | it is not valid JSON, column ",
                "{\"kind\":\"k\"} x                         | it is not valid JSON, column ",
                "{\"kind\":\"k\",\"kind\":\"k\"}            | Duplicate",
                "{\"kind\":\"k\",\"args\":01}               | it is not valid JSON, column ",
                "{}                                         | field 'kind' is missing",
                "{\"kind\":1}                               | field 'kind' is not a string",
                "{\"kind\":null}                            | field 'kind' is not a string",
                "{\"kind\":\"\"}                            | Kind '' is not possible",
                "{\"kind\":\"k\",\"typo\":1}                | field 'typo' is not known: use kind, args",
                "{\"kind\":\"k\",\"queue\":\"\"}            | Queue '' is not possible",
                "{\"kind\":\"k\",\"priority\":5}            | Priority 5 is out of range",
                "{\"kind\":\"k\",\"priority\":1.5}          | field 'priority' is not a whole number",
                "{\"kind\":\"k\",\"priority\":\"1\"}        | field 'priority' is not a whole number",
                "{\"kind\":\"k\",\"max_attempts\":1e99}     | field 'max_attempts' is not a whole number",
                "{\"kind\":\"k\",\"max_attempts\":99999999999} | field 'max_attempts' is out of range",
                "{\"kind\":\"k\",\"in\":\"soon\"}           | 'soon' is not a duration",
                "{\"kind\":\"k\",\"in\":5}                  | field 'in' is not a string",
                "{\"kind\":\"k\",\"at\":\"noon\"}           | 'noon' is not a moment",
                "{\"kind\":\"k\",\"at\":\"-99999-01-01T00:00:00Z\"} | is out of range",
                "{\"kind\":\"k\",\"at\":\"-0044-03-15T00:00:00Z\"} | is out of range",
                "{\"kind\":\"k\",\"in\":\"1s\",\"at\":\"2027-01-31T12:00:00Z\"} | exclude each other",
                "{\"kind\":\"k\",\"timeout\":\"0s\"}        | Timeout PT0S is out of range",
                "{\"kind\":\"k\",\"tags\":\"a\"}            | field 'tags' is not an array of strings",
                "{\"kind\":\"k\",\"tags\":[1]}              | field 'tags' is not a string",
                "{\"kind\":\"k\",\"metadata\":[]}           | field 'metadata' is not a JSON object",
                "{\"kind\":\"k\",\"metadata\":{\"a\":\"\\u0000\"}} | NUL",
                "{\"kind\":\"k\",\"args\":{\"a\":\"\\u0000\"}} | NUL",
                "{\"kind\":\"k\\u0000\"}                    | Kind 'k\\0' is not possible",
                "{\"kind\":\"k\",\"args\":\"\\ud83d\"}      | half a surrogate pair",
                "{\"kind\":\"\\ude00\"}                     | half a surrogate pair",
            })
    void parse_badLine_saysItsNumberAndWhy(String line, String why) {
        assertThatThrownBy(() -> parse(line))
                .isInstanceOf(BadLineException.class)
                .hasMessageStartingWith("Line 7 is not a job, nothing was enqueued: ")
                .hasMessageContaining(why)
                .hasMessageNotContaining("\n");
    }

    @Test
    void parse_argsAtTheLimit_areTaken() {
        String args = "\"" + "ä".repeat(LIMIT / 2 - 1) + "\"";

        assertThat(parse("{\"kind\":\"k\",\"args\":" + args + "}").args()).isEqualTo(args);
    }

    @Test
    void parse_argsAboveTheLimitInBytes_areRefused() {
        String args = "\"" + "ä".repeat(LIMIT / 2) + "\"";

        assertThatThrownBy(() -> parse("{\"kind\":\"k\",\"args\":" + args + "}"))
                .hasMessageContaining("Line 7 ")
                .hasMessageContaining("102 bytes, the limit is 100");
    }

    private static NewJob parse(String line) {
        return JobLine.parse(7, line, LIMIT);
    }
}
