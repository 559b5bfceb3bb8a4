package dev.millrace.worker.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Instant;
import org.junit.jupiter.api.Test;

class OutcomeTest {

    /** The last moment that handlers may name: an overflow here would fail every flush of its batch, for ever. */
    @Test
    void defer_untilTheYear9999_hasItsDelay() {
        LeasedJob job = Leased.job(1, 2);
        Instant until = Instant.parse("9999-12-31T00:00:00Z");

        assertThat(new Outcome.Defer(job, "scheduled", 0, until, true, null).delayMicrosFrom(5))
                .isEqualTo(253_402_214_399_999_995L);
    }
}
