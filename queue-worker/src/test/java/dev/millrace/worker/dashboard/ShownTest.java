package dev.millrace.worker.dashboard;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.worker.dashboard.Redaction.Part;
import org.junit.jupiter.api.Test;

class ShownTest {

    private final Shown shown = new Shown(Redaction.none());

    private String block(String json) {
        return shown.block("k", Part.ARGS, json);
    }

    @Test
    void block_json_isIndentedWithNumbersAsWritten() {
        assertThat(block("{\"price\": 12345678901234567.10, \"e\": 1.0E+400, \"list\": [1, \"ä\"], \"none\": {}}"))
                .isEqualToNormalizingNewlines("""
                        {
                          "price" : 12345678901234567.10,
                          "e" : 1.0E+400,
                          "list" : [ 1, "ä" ],
                          "none" : { }
                        }""");
    }

    @Test
    void block_noJson_isShownAsItIs() {
        for (String text : new String[] {"", "hidden", "{\"a\": ", "1".repeat(2_000), "[".repeat(2_000)}) {
            assertThat(block(text)).isEqualTo(text);
        }
    }

    @Test
    void block_long_isCut() {
        assertThat(block("\"" + "x".repeat(200_000) + "\""))
                .hasSizeLessThan(100_100)
                .endsWith("200,002 characters in all");
    }
}
