package dev.millrace.migrations;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.millrace.testing.PostgresTest;
import dev.millrace.testing.TestDatabase;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What the SQL functions answer and do, one session at a time. */
@PostgresTest
class JobFunctionsTest {

    private static final List<String> STATES =
            List.of("available", "running", "scheduled", "retryable", "pending", "completed", "cancelled", "discarded");

    private final TestDatabase database;

    JobFunctionsTest(TestDatabase database) {
        this.database = database;
    }

    @BeforeEach
    void empty() {
        database.execute("TRUNCATE job, unique_key");
    }

    @ParameterizedTest
    @CsvSource({
        "available, cancelled, available, deleted, changed",
        "running,   requested, running,   running, not_waiting",
        "scheduled, cancelled, retried,   deleted, changed",
        "retryable, cancelled, retried,   deleted, changed",
        "pending,   cancelled, retried,   deleted, changed",
        "completed, final,     retried,   deleted, not_waiting",
        "cancelled, final,     retried,   deleted, not_waiting",
        "discarded, final,     retried,   deleted, not_waiting"
    })
    void eachFunction_eachState_answersAndDoes(
            String state, String cancelled, String retried, String deleted, String changed) {
        long toCancel = job(state);
        long toRetry = job(state);
        long toDelete = job(state);
        long toEdit = job(state);

        assertThat(call("cancel_jobs", toCancel)).containsExactly(Map.entry(toCancel, cancelled));
        assertThat(call("retry_jobs", toRetry)).containsExactly(Map.entry(toRetry, retried));
        assertThat(call("delete_jobs", toDelete)).containsExactly(Map.entry(toDelete, deleted));
        assertThat(edit("{\"priority\": 1}", toEdit)).containsExactly(Map.entry(toEdit, changed));

        assertThat(state(toCancel)).isEqualTo(cancelled.equals("cancelled") ? "cancelled" : state);
        assertThat(state(toRetry)).isEqualTo(retried.equals("retried") ? "available" : state);
        assertThat(state(toDelete)).isEqualTo(deleted.equals("deleted") ? null : state);
        assertThat(state(toEdit)).isEqualTo(state);
        assertThat(database.queryLong("SELECT priority FROM job WHERE id = ?", toEdit))
                .isEqualTo(changed.equals("changed") ? 1 : 2);
    }

    @ParameterizedTest
    @ValueSource(strings = {"cancel_jobs", "retry_jobs", "delete_jobs", "edit_jobs"})
    void anyFunction_mixedDuplicateUnknownAndNullIds_answersOnceForEach(String function) {
        Long[] ids = new Long[STATES.size() * 2 + 3];
        for (int i = 0; i < STATES.size(); i++) {
            ids[i] = job(STATES.get(i));
            ids[ids.length - 1 - i] = ids[i];
        }
        ids[STATES.size()] = -7L;
        ids[STATES.size() + 1] = Long.MAX_VALUE;

        List<Map<String, Object>> rows = function.equals("edit_jobs")
                ? database.query("SELECT * FROM edit_jobs(?, '{}')", (Object) ids)
                : database.query("SELECT * FROM " + function + "(?)", (Object) ids);

        assertThat(rows).hasSize(STATES.size() + 2).noneMatch(row -> row.get("id") == null);
        assertThat(rows.stream().map(row -> row.get("id")).distinct()).hasSize(STATES.size() + 2);
        assertThat(rows)
                .filteredOn(row -> row.get("outcome").equals("not_found"))
                .extracting(row -> row.get("id"))
                .containsExactlyInAnyOrder(-7L, Long.MAX_VALUE);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"cancel_jobs(%s)", "retry_jobs(%s)", "delete_jobs(%s)", "edit_jobs(%s, '{\"priority\": 1}')"})
    void anyFunction_noIds_answersNothing(String call) {
        assertThat(database.query("SELECT * FROM " + call.formatted("'{}'"))).isEmpty();
        assertThat(database.query("SELECT * FROM " + call.formatted("NULL"))).isEmpty();
    }

    @Test
    void cancel_waitingJob_keepsWhatItWas() {
        long id = job("retryable");
        database.execute(
                "UPDATE job SET attempt = 3, errors = '[{\"type\": \"x\"}]', tags = '{a}', metadata = '{\"m\": 1}', timeout = '9 s' WHERE id = ?",
                id);
        Map<String, Object> before = kept(id);

        call("cancel_jobs", id);

        assertThat(kept(id)).isEqualTo(before);
        assertThat(database.queryString("SELECT finalized_at BETWEEN now() - interval '1 min' AND now() FROM job"))
                .isEqualTo("true");
    }

    @Test
    void cancel_runningJobTwice_keepsTheFirstMoment() {
        long id = job("running");
        call("cancel_jobs", id);
        String first = database.queryString("SELECT cancel_requested_at FROM job");

        assertThat(call("cancel_jobs", id)).containsEntry(id, "requested");
        assertThat(database.queryString("SELECT cancel_requested_at FROM job"))
                .isEqualTo(first)
                .isNotNull();
    }

    @Test
    void retry_usedUpAttempts_hasOneMoreAndItsErrors() {
        long id = job("discarded");
        database.execute("UPDATE job SET attempt = 25, max_attempts = 25, errors = '[{\"type\": \"x\"}]'");

        call("retry_jobs", id);

        assertThat(database.query("SELECT attempt, max_attempts, errors::text, finalized_at FROM job"))
                .singleElement()
                .hasToString("{attempt=25, max_attempts=26, errors=[{\"type\": \"x\"}], finalized_at=null}");
    }

    /** The number of the next attempt would not fit its column, and that error would meet every claim of the lane. */
    @Test
    void retry_atTheMostAttempts_canBeClaimed() {
        long id = job("discarded");
        database.execute("UPDATE job SET attempt = 32767, max_attempts = 32767");

        call("retry_jobs", id);

        assertThat(database.queryLong("SELECT attempt + 1 FROM job WHERE attempt < max_attempts"))
                .isEqualTo(32767);
    }

    @Test
    void retry_many_entersTheLaneInOrderOfIds() {
        long[] ids = {job("completed"), job("scheduled"), job("cancelled"), job("pending")};
        long newest = job("available");

        call("retry_jobs", ids[3], ids[1], ids[0], ids[2]);

        assertThat(database.query("SELECT id FROM job ORDER BY run_order"))
                .extracting(row -> row.get("id"))
                .containsExactly(newest, ids[0], ids[1], ids[2], ids[3]);
    }

    @Test
    void retry_jobsOfOneKey_takesItForOneOnly() {
        long first = keyed("discarded", "k");
        long second = keyed("discarded", "k");

        Map<Long, String> outcomes = call("retry_jobs", first, second);

        assertThat(outcomes.values()).containsExactlyInAnyOrder("retried", "key_taken");
        long winner = outcomes.get(first).equals("retried") ? first : second;
        assertThat(database.queryLong("SELECT job_id FROM unique_key")).isEqualTo(winner);
        assertThat(call("retry_jobs", first, second).values()).containsExactlyInAnyOrder("available", "key_taken");
        call("delete_jobs", winner);
        assertThat(call("retry_jobs", first, second).values()).containsExactlyInAnyOrder("not_found", "retried");
    }

    @Test
    void cancelAndDelete_keyHolders_freeTheirKeys() {
        long cancelled = keyed("available", "a");
        long kept = keyed("available", "b");
        long deleted = keyed("scheduled", "c");
        database.execute("UPDATE job SET unique_states = '{running,cancelled}' WHERE id = ?", kept);
        for (Map<String, Object> job : database.query("SELECT id, unique_key FROM job")) {
            database.execute("INSERT INTO unique_key VALUES (?, ?)", job.get("unique_key"), job.get("id"));
        }

        call("cancel_jobs", cancelled, kept);
        call("delete_jobs", deleted);

        assertThat(database.query("SELECT job_id FROM unique_key"))
                .singleElement()
                .isEqualTo(Map.of("job_id", kept));
    }

    @Test
    void edit_sameLane_keepsThePlace() {
        long first = job("available");
        long second = job("available");
        String before = database.queryString("SELECT string_agg(run_order::text, ',' ORDER BY id) FROM job");

        edit("{\"args\": {\"n\": 5}, \"priority\": 2, \"queue\": \"default\", \"tags\": [\"x\"]}", first, second);

        assertThat(database.queryString("SELECT string_agg(run_order::text, ',' ORDER BY id) FROM job"))
                .isEqualTo(before);
        assertThat(database.queryString("SELECT args::text || tags::text FROM job WHERE id = ?", first))
                .isEqualTo("{\"n\": 5}{x}");
    }

    @Test
    void edit_otherLane_goesToItsTail() {
        long moved = job("available");
        database.execute("INSERT INTO job (kind, queue) VALUES ('k', 'other')");

        edit("{\"queue\": \"other\"}", moved);

        assertThat(database.query("SELECT id FROM job WHERE queue = 'other' ORDER BY run_order DESC LIMIT 1"))
                .singleElement()
                .isEqualTo(Map.of("id", moved));
    }

    @ParameterizedTest
    @CsvSource({
        "available, 2100-01-01T00:00:00Z, scheduled",
        "available, 2001-01-01T00:00:00Z, available",
        "scheduled, 2001-01-01T00:00:00Z, available",
        "scheduled, 2100-01-01T00:00:00Z, scheduled",
        "retryable, 2100-01-01T00:00:00Z, retryable",
        "pending,   2001-01-01T00:00:00Z, pending"
    })
    void edit_schedule_movesToTheStateOfItsTime(String state, String at, String then) {
        long id = job(state);

        edit("{\"scheduled_at\": \"" + at + "\"}", id);

        assertThat(state(id)).isEqualTo(then);
        assertThat(database.queryString("SELECT scheduled_at = ?::timestamptz FROM job", at))
                .isEqualTo("true");
    }

    @Test
    void edit_null_takesAwayWhatMayBeMissing() {
        long id = job("available");
        edit(
                "{\"timeout\": \"90 s\", \"tags\": [\"a\"], \"metadata\": {\"m\": 1}, \"retry_policy\": \"fixed 10s\"}",
                id);
        assertThat(database.queryLong("SELECT num_nonnulls(timeout, tags, metadata, retry_policy) FROM job"))
                .isEqualTo(4);

        edit("{\"timeout\": null, \"tags\": null, \"metadata\": null, \"retry_policy\": null}", id);
        assertThat(database.queryLong("SELECT num_nonnulls(timeout, tags, metadata, retry_policy) FROM job"))
                .isZero();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "{\"kind\": \"other\"}           | kind of a job can not become \"other\": what can change is args, queue",
                "{\"priority\": 9}               | priority of a job can not become 9: it is 1 (first) to 4 (last)",
                "{\"priority\": null}            | priority of a job can not become null: it is 1",
                "{\"priority\": \"1\"}           | priority of a job can not become \"1\": it is 1",
                "{\"max_attempts\": 0}           | max_attempts of a job can not become 0: it is 1 to 32767",
                "{\"max_attempts\": 1e9}         | max_attempts of a job can not become 1000000000: it is 1 to 32767",
                "{\"queue\": \"\"}               | queue of a job can not become \"\": it is text of 1 to 128 characters",
                "{\"queue\": 7}                  | queue of a job can not become 7: it is text",
                "{\"scheduled_at\": 7}           | scheduled_at of a job can not become 7: it is text, a moment",
                "{\"scheduled_at\": \"soon\"}    | invalid input syntax for type timestamp with time zone: \"soon\"",
                "{\"timeout\": 7}                | timeout of a job can not become 7: it is text, an interval",
                "{\"timeout\": \"-1 s\"}         | job_timeout_positive",
                "{\"tags\": \"a\"}               | tags of a job can not become \"a\": they are an array of texts",
                "{\"tags\": [1]}                 | tags of a job can not become [1]: they are an array of texts",
                "{\"metadata\": []}              | metadata of a job can not become []: it is an object",
                "{\"retry_policy\": 1}           | retry_policy of a job can not become 1: it is text",
                "[]                              | changes [] are not a JSON object"
            })
    void edit_wrongChanges_saysWhatIsPossibleAndChangesNothing(String changes, String message) {
        long[] ids = {job("available"), job("scheduled")};
        List<Map<String, Object>> before = database.query("SELECT * FROM job ORDER BY id");

        assertThatThrownBy(() -> edit(changes, ids)).hasMessageContaining(message);

        assertThat(database.query("SELECT * FROM job ORDER BY id").toString()).isEqualTo(before.toString());
    }

    @Test
    void edit_nullChanges_isAnError() {
        assertThatThrownBy(() -> edit(null, job("available")))
                .hasMessageContaining("changes NULL are not a JSON object");
    }

    @Test
    void edit_fewerAttemptsThanBegun_becomesAsManyAsWereBegun() {
        long id = job("retryable");
        database.execute("UPDATE job SET attempt = 5");

        edit("{\"max_attempts\": 2}", id);

        assertThat(database.queryLong("SELECT max_attempts FROM job")).isEqualTo(5);
    }

    private long job(String state) {
        return database.queryLong("""
                INSERT INTO job (kind, state, scheduled_at, attempted_by, attempted_at, finalized_at)
                SELECT 'k', s, now() + CASE WHEN s IN ('scheduled', 'retryable') THEN interval '1 h' ELSE '0' END,
                    CASE s WHEN 'running' THEN 'w' END, CASE s WHEN 'running' THEN now() END,
                    CASE WHEN s IN ('completed', 'cancelled', 'discarded') THEN now() END
                FROM (SELECT ?::text AS s) AS state
                RETURNING id""", state);
    }

    private long keyed(String state, String key) {
        long id = job(state);
        database.execute("UPDATE job SET unique_key = ?::bytea, unique_states = '{running}' WHERE id = ?", key, id);
        return id;
    }

    private Map<String, Object> kept(long id) {
        return database.query(
                        "SELECT to_jsonb(j) - '{state,run_order,finalized_at}'::text[] AS job FROM job AS j WHERE id = ?",
                        id)
                .get(0);
    }

    private @Nullable String state(long id) {
        return database.queryString("SELECT (SELECT state FROM job WHERE id = ?)", id);
    }

    private Map<Long, String> call(String function, long... ids) {
        return outcomes(database.query("SELECT * FROM " + function + "(?)", (Object) ids));
    }

    private Map<Long, String> edit(@Nullable String changes, long... ids) {
        return outcomes(database.query("SELECT * FROM edit_jobs(?, ?::jsonb)", ids, changes));
    }

    private static Map<Long, String> outcomes(List<Map<String, Object>> rows) {
        Map<Long, String> outcomes = new TreeMap<>();
        rows.forEach(row -> assertThat(outcomes.put((Long) row.get("id"), (String) row.get("outcome")))
                .as("answered twice")
                .isNull());
        return outcomes;
    }
}
