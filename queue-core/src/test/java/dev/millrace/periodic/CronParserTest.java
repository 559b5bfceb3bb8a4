package dev.millrace.periodic;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What expressions mean on a clock that never changes, and what is refused. */
class CronParserTest {

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '"', textBlock = """
            * * * * *           | 2027-01-01T00:00:00Z | 2027-01-01T00:01:00Z
            * * * * *           | 2027-01-01T00:00:59.999Z | 2027-01-01T00:01:00Z
            * * * * * *         | 2027-01-01T00:00:00.5Z | 2027-01-01T00:00:01Z
            */7 * * * * *       | 2027-01-01T00:00:56Z | 2027-01-01T00:01:00Z
            0 9 * * MON-FRI     | 2027-01-01T09:00:00Z | 2027-01-04T09:00:00Z
            0 9 * * 1-5         | 2027-01-02T00:00:00Z | 2027-01-04T09:00:00Z
            0 9 * * fri-sun     | 2027-01-04T00:00:00Z | 2027-01-08T09:00:00Z
            0 9 * * sat,SUN     | 2027-01-09T10:00:00Z | 2027-01-10T09:00:00Z
            0 9 * * 7           | 2027-01-01T00:00:00Z | 2027-01-03T09:00:00Z
            0 9 * * 0           | 2027-01-01T00:00:00Z | 2027-01-03T09:00:00Z
            0 9 * * 5-7         | 2027-01-02T10:00:00Z | 2027-01-03T09:00:00Z
            0 0 * * */2         | 2027-01-03T10:00:00Z | 2027-01-05T00:00:00Z
            0 0 * * 1/2         | 2027-01-02T00:00:00Z | 2027-01-04T00:00:00Z
            10-30/10,45 5 * * * | 2027-01-01T05:30:00Z | 2027-01-01T05:45:00Z
            50/5 * * * *        | 2027-01-01T00:55:00Z | 2027-01-01T01:50:00Z
            0 0 1 JAN ?         | 2027-01-01T00:00:00Z | 2028-01-01T00:00:00Z
            0 0 29 2 *          | 2027-01-01T00:00:00Z | 2028-02-29T00:00:00Z
            0 0 29 2 *          | 2096-03-01T00:00:00Z | 2104-02-29T00:00:00Z
            0 0 * 2 MON#5       | 2072-03-01T00:00:00Z | 2112-02-29T00:00:00Z
            0 0 31 * *          | 2027-01-31T00:00:00Z | 2027-03-31T00:00:00Z
            0 0 L * *           | 2027-02-01T00:00:00Z | 2027-02-28T00:00:00Z
            0 0 L 2 *           | 2028-02-01T00:00:00Z | 2028-02-29T00:00:00Z
            0 0 L-3 * *         | 2027-02-01T00:00:00Z | 2027-02-25T00:00:00Z
            0 0 LW * *          | 2027-01-01T00:00:00Z | 2027-01-29T00:00:00Z
            0 0 15W * *         | 2027-05-01T00:00:00Z | 2027-05-14T00:00:00Z
            0 0 15W * *         | 2027-08-01T00:00:00Z | 2027-08-16T00:00:00Z
            0 0 1W * *          | 2027-05-01T00:00:00Z | 2027-05-03T00:00:00Z
            0 0 31W * *         | 2027-01-01T00:00:00Z | 2027-01-29T00:00:00Z
            0 0 * * FRI#2       | 2027-01-01T00:00:00Z | 2027-01-08T00:00:00Z
            0 0 * * MON#5       | 2027-01-01T00:00:00Z | 2027-03-29T00:00:00Z
            0 0 * * FRIL        | 2027-01-01T00:00:00Z | 2027-01-29T00:00:00Z
            0 0 * * 5L,MON#1    | 2027-01-29T00:00:00Z | 2027-02-01T00:00:00Z
            0 0 13 * FRI        | 2027-01-08T00:00:00Z | 2027-01-13T00:00:00Z
            0 0 */13 * FRI      | 2027-01-02T00:00:00Z | 2027-05-14T00:00:00Z
            0 0 13 * *          | 2027-01-13T00:00:00Z | 2027-02-13T00:00:00Z
            @yearly             | 2027-01-01T00:00:00Z | 2028-01-01T00:00:00Z
            @annually           | 2027-01-01T00:00:00Z | 2028-01-01T00:00:00Z
            @monthly            | 2027-01-01T00:00:00Z | 2027-02-01T00:00:00Z
            @Weekly             | 2027-01-01T00:00:00Z | 2027-01-03T00:00:00Z
            @daily              | 2027-01-01T00:00:00Z | 2027-01-02T00:00:00Z
            @midnight           | 2027-01-01T00:00:00Z | 2027-01-02T00:00:00Z
            @hourly             | 2027-01-01T00:00:00Z | 2027-01-01T01:00:00Z
            59 23 31 12 *       | 2027-12-31T23:59:00Z | 2028-12-31T23:59:00Z
            """)
    void next_inUtc_isTheFirstAfter(String expression, Instant after, Instant expected) {
        assertThat(Schedule.cron(expression, ZoneOffset.UTC).next(after)).isEqualTo(expected);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '"', textBlock = """
            ""                | has 0 fields
            * * * *           | has 4 fields: write 5
            * * * * * * *     | has 7 fields
            60 * * * *        | '60' in the field minute is not possible, allowed is 0 to 59
            * 24 * * *        | '24' in the field hour is not possible, allowed is 0 to 23
            * * 0 * *         | '0' in the field day-of-month is not possible, allowed is 1 to 31
            * * * 13 *        | '13' in the field month is not possible, allowed is 1 to 12 or JAN to DEC
            * * * * 8         | '8' in the field day-of-week is not possible, allowed is 0 to 7 or SUN to SAT
            60 * * * * *      | '60' in the field second
            * * * FOO *       | 'FOO' in the field month
            * * * * MONDAY    | 'MONDAY' in the field day-of-week
            MON * * * *       | 'MON' in the field minute
            5-1 * * * *       | '5-1' in the field minute is not possible, a range goes from the lower to the higher
            * * * * FRI-MON   | 'FRI-MON' in the field day-of-week
            */0 * * * *       | '0' in the field minute is not possible, allowed is 1 to 59
            */60 * * * *      | '60' in the field minute
            */ * * * *        | '' in the field minute
            -1 * * * *        | '' in the field minute
            1- * * * *        | '' in the field minute
            1,,2 * * * *      | '' in the field minute
            , * * * *         | '' in the field minute
            1.5 * * * *       | '1.5' in the field minute
            0-999999999 * * * * | '999999999' in the field minute
            00000000000000000000005 * * * * | in the field minute
            ٣ * * * *         | '٣' in the field minute
            ? * * * *         | '?' in the field minute
            *5 * * * *        | '*5' in the field minute
            * * 32W * *       | '32' in the field day-of-month
            * * W * *         | '' in the field day-of-month
            * * L-31 * *      | '31' in the field day-of-month is not possible, allowed is 1 to 30
            * * LL * *        | 'LL' in the field day-of-month
            * * * * MON#6     | '6' in the field day-of-week is not possible, allowed is 1 to 5
            * * * * MON#      | '' in the field day-of-week
            * * * * L         | 'L' in the field day-of-week
            * L * * *         | 'L' in the field hour
            0 0 30 2 *        | never comes true
            0 0 31 4,6,9,11 * | never comes true
            0 0 31W 2 *       | never comes true
            0 0 L-30 2,4 *    | never comes true
            @reboot           | '@reboot' is not known: @yearly
            @                 | is not known
            """)
    void parse_whatCanNotBe_saysWhere(String expression, String message) {
        assertThatThrownBy(() -> Schedule.cron(expression, ZoneOffset.UTC))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(message);
    }

    @Test
    void parse_tooLong_isRefused() {
        assertThatThrownBy(() -> CronParser.parse("0,".repeat(5_000) + "0 * * * *"))
                .hasMessageContaining("10009 characters is too long: up to 256");
    }

    @Test
    void text_isTheExpressionWithSingleBlanks() {
        assertThat(CronParser.parse("  0\t9  * *   MON-FRI ").text()).isEqualTo("0 9 * * MON-FRI");
        assertThat(CronParser.parse("@DAILY").text()).isEqualTo("@daily");
    }

    @Test
    void next_atTheEndsOfTime_endsAndDoesNotThrow() {
        Schedule daily = Schedule.cron("@daily", ZoneOffset.UTC);

        assertThat(daily.next(Instant.MAX)).isNull();
        assertThat(daily.next(Instant.parse("9999-12-31T12:00:00Z"))).isNull();
        assertThat(daily.next(Instant.MIN)).isEqualTo("0001-01-02T00:00:00Z");
        assertThat(Schedule.cron("0 0 29 2 *", ZoneOffset.UTC).next(Instant.parse("9997-01-01T00:00:00Z")))
                .isNull();
    }

    @Test
    void nearestWeekday_ofEveryMonth_isAWeekdayInThatMonth() {
        for (int target = 1; target <= 31; target++) {
            CronFields fields = CronParser.parse("0 0 " + target + "W * *");
            LocalDate day = LocalDate.of(2000, 1, 1);
            for (int month = 0; month < 400; month++, day = day.plusMonths(1)) {
                LocalDate first = day;
                List<LocalDate> fitting = first.datesUntil(first.plusMonths(1))
                        .filter(fields.days()::contains)
                        .toList();
                if (target > day.lengthOfMonth()) {
                    assertThat(fitting).isEmpty();
                } else {
                    assertThat(fitting).hasSize(1);
                    LocalDate wanted = day.withDayOfMonth(target);
                    assertThat(fitting.get(0).getDayOfWeek().getValue()).isLessThanOrEqualTo(5);
                    assertThat(Math.abs(fitting.get(0).toEpochDay() - wanted.toEpochDay()))
                            .isLessThanOrEqualTo(2);
                }
            }
        }
    }
}
