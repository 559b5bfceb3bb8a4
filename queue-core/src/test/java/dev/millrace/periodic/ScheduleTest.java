package dev.millrace.periodic;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ScheduleTest {

    /** The table in docs/periodic.md: three ticks from the day before the clocks change. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '"', textBlock = """
            Europe/Berlin     | 30 2 * * *    | 2027-03-27T12:00:00Z | 2027-03-28T01:00:00Z 2027-03-29T00:30:00Z 2027-03-30T00:30:00Z
            Europe/Berlin     | 0,30 2 * * *  | 2027-03-27T12:00:00Z | 2027-03-28T01:00:00Z 2027-03-29T00:00:00Z 2027-03-29T00:30:00Z
            Europe/Berlin     | 30 1-3 * * *  | 2027-03-28T00:00:00Z | 2027-03-28T00:30:00Z 2027-03-28T01:00:00Z 2027-03-28T01:30:00Z
            Europe/Berlin     | 0 3 * * *     | 2027-03-27T12:00:00Z | 2027-03-28T01:00:00Z 2027-03-29T01:00:00Z 2027-03-30T01:00:00Z
            Europe/Berlin     | 0 2,3 * * *   | 2027-03-27T12:00:00Z | 2027-03-28T01:00:00Z 2027-03-29T00:00:00Z 2027-03-29T01:00:00Z
            Europe/Berlin     | 30 * * * *    | 2027-03-28T00:00:00Z | 2027-03-28T00:30:00Z 2027-03-28T01:30:00Z 2027-03-28T02:30:00Z
            Europe/Berlin     | 30 */2 * * *  | 2027-03-27T22:00:00Z | 2027-03-27T23:30:00Z 2027-03-28T02:30:00Z 2027-03-28T04:30:00Z
            Europe/Berlin     | 30 2 * * *    | 2027-10-30T12:00:00Z | 2027-10-31T00:30:00Z 2027-11-01T01:30:00Z 2027-11-02T01:30:00Z
            Europe/Berlin     | 30 2 * * *    | 2027-10-31T00:45:00Z | 2027-11-01T01:30:00Z 2027-11-02T01:30:00Z 2027-11-03T01:30:00Z
            Europe/Berlin     | 30 2 * * *    | 2027-10-31T01:15:00Z | 2027-11-01T01:30:00Z 2027-11-02T01:30:00Z 2027-11-03T01:30:00Z
            Europe/Berlin     | 0 2,3 * * *   | 2027-10-31T01:15:00Z | 2027-10-31T02:00:00Z 2027-11-01T01:00:00Z 2027-11-01T02:00:00Z
            Europe/Berlin     | 30 * * * *    | 2027-10-31T00:00:00Z | 2027-10-31T00:30:00Z 2027-10-31T01:30:00Z 2027-10-31T02:30:00Z
            America/New_York  | 30 2 * * *    | 2027-03-13T12:00:00Z | 2027-03-14T07:00:00Z 2027-03-15T06:30:00Z 2027-03-16T06:30:00Z
            America/New_York  | 30 1 * * *    | 2027-11-06T12:00:00Z | 2027-11-07T05:30:00Z 2027-11-08T06:30:00Z 2027-11-09T06:30:00Z
            America/New_York  | */30 * * * *  | 2027-11-07T05:15:00Z | 2027-11-07T05:30:00Z 2027-11-07T06:00:00Z 2027-11-07T06:30:00Z
            Australia/Lord_Howe | 15 2 * * *  | 2027-10-02T12:00:00Z | 2027-10-02T15:30:00Z 2027-10-03T15:15:00Z 2027-10-04T15:15:00Z
            Australia/Lord_Howe | 45 1 * * *  | 2027-04-03T12:00:00Z | 2027-04-03T14:45:00Z 2027-04-04T15:15:00Z 2027-04-05T15:15:00Z
            Australia/Lord_Howe | 45 * * * *  | 2027-04-03T14:30:00Z | 2027-04-03T14:45:00Z 2027-04-03T15:15:00Z 2027-04-03T16:15:00Z
            America/Sao_Paulo | 0 0 * * *     | 2018-11-03T12:00:00Z | 2018-11-04T03:00:00Z 2018-11-05T02:00:00Z 2018-11-06T02:00:00Z
            America/Sao_Paulo | 30 0 4 11 *   | 2018-11-01T00:00:00Z | 2018-11-04T03:00:00Z 2019-11-04T03:30:00Z 2020-11-04T03:30:00Z
            Africa/Cairo      | 0 0 * * *     | 2024-04-25T12:00:00Z | 2024-04-25T22:00:00Z 2024-04-26T21:00:00Z 2024-04-27T21:00:00Z
            Asia/Beirut       | 0 0 * * SUN   | 2024-03-30T12:00:00Z | 2024-03-30T22:00:00Z 2024-04-06T21:00:00Z 2024-04-13T21:00:00Z
            Pacific/Apia      | 0 9 * * *     | 2011-12-29T00:00:00Z | 2011-12-29T19:00:00Z 2011-12-30T10:00:00Z 2011-12-30T19:00:00Z
            """)
    void cron_whereClocksChange_isAsDocumented(String zone, String expression, Instant after, String expected) {
        assertThat(Schedule.cron(expression, ZoneId.of(zone)).upcoming(after, 3))
                .map(Instant::toString)
                .containsExactly(expected.split(" "));
    }

    @Test
    void every_isAlignedToTheEpoch_whateverAsked() {
        Schedule quarter = Schedule.every(Duration.ofMinutes(15));

        assertThat(quarter.upcoming(Instant.parse("2027-01-01T00:07:12.3Z"), 2))
                .containsExactly(Instant.parse("2027-01-01T00:15:00Z"), Instant.parse("2027-01-01T00:30:00Z"));
        assertThat(quarter.next(Instant.parse("2027-01-01T00:15:00Z"))).isEqualTo("2027-01-01T00:30:00Z");
        assertThat(Schedule.every(Duration.ofSeconds(7)).next(Instant.parse("1969-12-31T23:59:58.5Z")))
                .isEqualTo("1970-01-01T00:00:00Z");
    }

    @ParameterizedTest
    @ValueSource(strings = {"PT0S", "PT-5S", "PT0.5S", "PT1.5S", "P3661D", "PT999999999999H"})
    void every_outOfRange_isRefused(String interval) {
        assertThatThrownBy(() -> Schedule.every(Duration.parse(interval)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("is out of range: whole seconds, 1 second to 3660 days");
    }

    @Test
    void parse_textOfASchedule_isTheSameSchedule() {
        for (Schedule schedule : List.of(
                Schedule.cron("0 9 * * MON-FRI", ZoneId.of("Europe/Berlin")),
                Schedule.cron("5 0 9 1,L * FRI#2", ZoneOffset.ofHours(3)),
                Schedule.cron("@daily", ZoneOffset.UTC),
                Schedule.every(Duration.ofMinutes(90)))) {
            ScheduleText text = ScheduleText.of(schedule);
            assertThat(Schedule.parse(text.text(), text.zone())).isEqualTo(schedule);
        }
        assertThat(Schedule.parse("every 15m", "UTC")).isEqualTo(Schedule.every(Duration.ofMinutes(15)));
        assertThat(ScheduleText.of(after -> null)).isEqualTo(new ScheduleText("code", "UTC"));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '"', textBlock = """
            daily              | UTC | Schedule 'daily' is not understood: write
            code               | UTC | is not understood
            0 9 * * *          | UTC | is not understood
            every              | UTC | is not understood
            every now          | UTC | 'now' is not a duration: write
            every 1000000000s  | UTC | is out of range
            every 1500ms       | UTC | is out of range
            cron 0 9 * * *     | Europe/Atlantis | Time zone 'Europe/Atlantis' is not known here
            cron 0 9 * * *     | "" | Time zone '' is not known here
            """)
    void parse_whatCanNotBe_saysWhatCould(String text, String zone, String message) {
        assertThatThrownBy(() -> Schedule.parse(text, zone))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(message);
    }

    @Test
    void upcoming_ofAnEndingSchedule_endsWithIt() {
        Instant only = Instant.parse("2027-01-01T00:00:00Z");
        Schedule once = after -> after.isBefore(only) ? only : null;

        assertThat(once.upcoming(Instant.EPOCH, 5)).containsExactly(only);
        assertThat(once.upcoming(only, 5)).isEmpty();
        assertThatThrownBy(() -> once.upcoming(only, 1_001)).hasMessageContaining("0 to 1000");
    }
}
