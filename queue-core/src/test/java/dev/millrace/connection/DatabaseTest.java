package dev.millrace.connection;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DatabaseTest {

    @Test
    void of_libpqForm_decodesCredentialsAndKeepsParameters() {
        Database database = Database.of("postgresql://us%40er:p%2Bw+%3A%20d@h1:5433,h2:5434/app?sslmode=require");

        assertThat(database.jdbcUrl(false))
                .isEqualTo("jdbc:postgresql://h1:5433,h2:5434/app?sslmode=require&targetServerType=primary");
        assertThat(database.credentials(false)).containsEntry("user", "us@er").containsEntry("password", "p+w+: d");
        assertThat(database).hasToString("h1,h2:5433,5434/app");
    }

    @Test
    void of_jdbcForm_takesCredentialsOutOfTheUrl() {
        Database database = Database.of("jdbc:postgresql://localhost/app?user=me&password=s3cret&connectTimeout=3");

        assertThat(database.jdbcUrl(false)).isEqualTo("jdbc:postgresql://localhost/app?connectTimeout=3");
        assertThat(database.credentials(false)).containsEntry("user", "me").containsEntry("password", "s3cret");
        assertThat(database.toString()).doesNotContain("s3cret");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "nonsense",
                "http://user:s3cret@host/db",
                "jdbc:mysql://host/db?password=s3cret",
                "postgresql://user:s3cret@host:port:x/db",
                "jdbc:postgresql://user:s3cret@host:5432/db",
                "jdbc:postgresql://host:5432/db;password=s3cret",
                "postgresql://user:s3cret%zz@host/db",
                "jdbc:postgresql://user:s3cret@h/db",
                "jdbc:postgresql://host/db&password=s3cret"
            })
    void of_anythingElse_isRefusedWithoutShowingIt(String url) {
        assertThatThrownBy(() -> Database.of(url))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("jdbc:postgresql://")
                .hasMessageNotContaining("s3cret");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "jdbc:postgresql:app",
                "jdbc:postgresql://localhost/app",
                "jdbc:postgresql://h1:5433,h2:5434,h3/app?targetServerType=primary",
                "jdbc:postgresql://[::1]:5432/app?user=u&password=a@b/c",
                "postgresql://u:p@localhost:5432/app",
                "postgres://localhost/app"
            })
    void of_everyUsualForm_isTaken(String url) {
        assertThat(Database.of(url).toString()).endsWith("/app");
    }

    @Test
    void setters_outOfRange_nameTheRange() {
        Database database = Database.of("jdbc:postgresql://localhost/app");
        assertThatThrownBy(() -> database.withPoolSize(1))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("2 to 1000");
        assertThatThrownBy(() -> database.withInstance("two words")).isInstanceOf(IllegalArgumentException.class);
    }
}
