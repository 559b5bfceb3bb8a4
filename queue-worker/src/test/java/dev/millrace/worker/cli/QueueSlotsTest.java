package dev.millrace.worker.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine.TypeConversionException;

class QueueSlotsTest {

    private final QueueSlots.Converter converter = new QueueSlots.Converter();

    @Test
    void convert_nameAndSlots_areBoth() {
        assertThat(converter.convert("mail=5")).isEqualTo(new QueueSlots("mail", 5));
    }

    @Test
    void convert_nameWithEqualsSign_splitsAtTheLast() {
        assertThat(converter.convert("region=eu=5")).isEqualTo(new QueueSlots("region=eu", 5));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "mail", "=5", "mail=", "mail=many", "mail=5.5", "mail=99999999999"})
    void convert_otherText_saysTheForm(String text) {
        assertThatThrownBy(() -> converter.convert(text))
                .isInstanceOf(TypeConversionException.class)
                .hasMessage("'%s' is not of the form NAME=SLOTS, such as default=20", text);
    }
}
