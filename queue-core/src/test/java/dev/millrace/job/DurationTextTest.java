package dev.millrace.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.time.Duration;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class DurationTextTest {

    @ParameterizedTest
    @CsvSource({
        "500ms, PT0.5S",
        "30s, PT30S",
        "5m, PT5M",
        "2h, PT2H",
        "7d, PT168H",
        "0s, PT0S",
        "PT1H30M, PT1H30M",
        "P1D, P1D"
    })
    void parse_shortOrIso_isThatDuration(String text, Duration expected) {
        assertThat(DurationText.parse(text)).isEqualTo(expected);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "5", "s", "5 m", "-5s", "5M", "1.5h", "5min", "9999999999999d", "999999999999d999"})
    void parse_otherText_saysHowToWriteIt(String text) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> DurationText.parse(text))
                .withMessage("'%s' is not a duration: write 500ms, 30s, 5m, 2h, 7d, or ISO-8601 such as PT1H30M", text);
    }
}
