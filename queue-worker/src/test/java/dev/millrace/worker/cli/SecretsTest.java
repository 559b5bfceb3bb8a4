package dev.millrace.worker.cli;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SecretsTest {

    @ParameterizedTest
    @ValueSource(
            strings = {
                "postgresql://user:hush@host/db",
                "can't parse 'jdbc:postgresql://user:hush@host:5432/db'",
                "postgresql://user:hu@sh/hush@host/db",
                "postgresql://:hush@host",
                "jdbc:postgresql://host/db?user=u&password=hush&ssl=true",
                "sslpassword=hush",
                "PASSWORD=hush",
            })
    void masked_passwordInUrlOrParameter_isHidden(String text) {
        assertThat(Secrets.masked(text)).doesNotContain("hush").contains("***");
    }

    @Test
    void masked_urlWithSecret_keepsWhereItPoints() {
        assertThat(Secrets.masked("no postgresql://user:hush@host:5432/db here"))
                .isEqualTo("no postgresql://***@host:5432/db here");
    }

    @Test
    void masked_descriptionOfTheForm_staysReadable() {
        String form =
                "use jdbc:postgresql://HOST:PORT/DATABASE?user=…&password=… or postgresql://USER:PASSWORD@HOST:PORT/DATABASE";

        assertThat(Secrets.masked(form)).isEqualTo(form);
    }
}
