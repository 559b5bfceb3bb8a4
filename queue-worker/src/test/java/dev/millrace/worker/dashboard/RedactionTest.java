package dev.millrace.worker.dashboard;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.worker.dashboard.Redaction.Part;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RedactionTest {

    private final Redaction redaction = Redaction.ofFields(List.of("password", "api_key"));

    private String shown(String json) {
        return redaction.shown("mail", Part.ARGS, json);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "{\"password\":\"x\",\"to\":\"a\"} | {\"password\":\"***\",\"to\":\"a\"}",
                "{\"a\":[{\"Password\":{\"deep\":[1,{}]}},2]} | {\"a\":[{\"Password\":\"***\"},2]}",
                "{\"API-Key\":null,\"apiKey\":7} | {\"API-Key\":\"***\",\"apiKey\":\"***\"}",
                "{\"pass\\u0077ord\":1} | {\"password\":\"***\"}",
                "{\"passwordless\":true} | {\"passwordless\":true}",
                "[\"password\"] | [\"password\"]",
                "\"password\" | \"password\"",
            })
    void fields_byName_areHidden(String json, String expected) {
        assertThat(shown(json)).isEqualTo(expected);
    }

    @Test
    void otherValues_stayAsWritten() {
        String json =
                "{\"n\":123456789012345678901234567890.10,\"e\":1.0E+400,\"s\":\"<ä\\n\\u0000>\",\"b\":[true,null]}";

        assertThat(shown(json)).isEqualTo(json);
    }

    @Test
    void redactionThatFails_showsNothing() {
        Redaction guarded = new GuardedRedaction((kind, part, json) -> {
            throw new IllegalStateException("broken");
        });

        assertThat(guarded.shown("mail", Part.OUTPUT, "{\"password\":1}"))
                .isEqualTo("hidden, since the redaction failed");
    }
}
