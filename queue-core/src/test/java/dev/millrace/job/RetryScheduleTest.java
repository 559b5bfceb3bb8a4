package dev.millrace.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.time.Duration;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class RetryScheduleTest {

    private static final Throwable FAILURE = new IllegalStateException("failed");

    @ParameterizedTest
    @CsvSource({
        "fixed 10s, fixed 10s",
        "'  fixed\t 0s ', fixed 0s",
        "fixed 1500ms, fixed 1500ms",
        "fixed 90s, fixed 90s",
        "fixed PT1H, fixed 1h",
        "fixed 36500d, fixed 36500d",
        "exponential 1s 2.0 1h, exponential 1s 2.0 1h",
        "exponential 1ms 1 1ms, exponential 1ms 1.0 1ms",
        "exponential 60s 1e1 24h, exponential 1m 10.0 1d",
    })
    void parse_writtenByPeople_isReadAndWrittenTheSameWay(String text, String stored) {
        RetrySchedule schedule = RetrySchedule.parse(text);

        assertThat(schedule.text()).isEqualTo(stored);
        assertThat(RetrySchedule.parse(schedule.text())).isEqualTo(schedule);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "fixed",
                "fixed 10",
                "fixed -1s",
                "fixed PT-1S",
                "fixed 36501d",
                "fixed 10s 10s",
                "fixed PT0.0001S",
                "Fixed 1s",
                "exponential",
                "exponential 1s 2.0",
                "exponential 0s 2 1h",
                "exponential 2h 2 1h",
                "exponential 1s 0.9 1h",
                "exponential 1s 1001 1h",
                "exponential 1s 1e400 1h",
                "exponential 1s NaN 1h",
                "exponential 1s two 1h",
                "attempt => 1"
            })
    void parse_whatIsNone_isRefused(String text) {
        assertThatIllegalArgumentException().isThrownBy(() -> RetrySchedule.parse(text));
    }

    @Test
    void parse_endlessText_isRefusedWithoutReadingItAll() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> RetrySchedule.parse("exponential 1s " + "9".repeat(10_000_000) + " 1h"))
                .satisfies(refused -> assertThat(refused.getMessage()).hasSizeLessThan(500));
    }

    @Test
    void delay_exponential_growsWithJitterUpToTheMost() {
        RetrySchedule schedule = RetryPolicy.exponential(Duration.ofSeconds(1), 2, Duration.ofMinutes(1));

        assertThat(schedule.delay(1, FAILURE)).isBetween(Duration.ofMillis(900), Duration.ofMillis(1_100));
        assertThat(schedule.delay(4, FAILURE)).isBetween(Duration.ofMillis(7_200), Duration.ofMillis(8_800));
        assertThat(schedule.delay(32_767, FAILURE)).isEqualTo(Duration.ofMinutes(1));
        assertThat(IntStream.range(0, 50)
                        .mapToObj(i -> schedule.delay(4, FAILURE))
                        .distinct())
                .hasSizeGreaterThan(1);
    }

    @Test
    void delay_fixed_isTheSameEachTime() {
        RetrySchedule schedule = RetryPolicy.fixed(Duration.ofSeconds(3));

        assertThat(schedule.delay(1, FAILURE))
                .isEqualTo(schedule.delay(25, FAILURE))
                .isEqualTo(Duration.ofSeconds(3));
    }

    @Test
    void setters_outOfRange_nameTheValueAndTheRange() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> RetryPolicy.fixed(Duration.ofSeconds(-1)))
                .withMessage("Retry delay PT-1S is out of range: PT0S to 36500 days in whole milliseconds");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> RetryPolicy.exponential(Duration.ofSeconds(1), 0.5, Duration.ofSeconds(2)))
                .withMessage("Retry factor 0.5 is out of range: 1 to 1000");
    }
}
