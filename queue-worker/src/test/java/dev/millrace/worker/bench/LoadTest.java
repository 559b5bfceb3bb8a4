package dev.millrace.worker.bench;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.testing.PostgresTest;
import dev.millrace.testing.TestDatabase;
import org.junit.jupiter.api.Test;

@PostgresTest
class LoadTest {

    private final TestDatabase database;

    LoadTest(TestDatabase database) {
        this.database = database;
    }

    /** Where a value is larger than 2 kB, PostgreSQL compresses it. */
    @Test
    void pad_ofLargeArguments_isStoredInFull() {
        String pad = Load.pad(10_000);
        database.execute(
                "INSERT INTO job (kind, args) VALUES ('load', jsonb_build_object('n', 1, 'pad', ?::text))", pad);

        assertThat(pad).isEqualTo(Load.pad(10_000)).matches("[-_0-9A-Za-z]{9976}");
        assertThat(database.queryLong("SELECT pg_column_size(args) FROM job WHERE kind = 'load'"))
                .isGreaterThanOrEqualTo(9_976);
    }
}
