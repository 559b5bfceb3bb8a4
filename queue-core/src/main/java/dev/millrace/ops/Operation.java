package dev.millrace.ops;

import dev.millrace.migrations.SchemaName;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Types;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * One of the SQL functions that are given ids and answer with an outcome for each. Immutable.
 *
 * @param verb for messages: {@code cancel}
 * @param outcomes what it answers
 * @param edit what to change, where it takes that
 */
record Operation<O extends Enum<O>>(
        String verb, Class<O> outcomes, @Nullable Edit edit) {

    static final Operation<CancelOutcome> CANCEL = new Operation<>("cancel", CancelOutcome.class, null);
    static final Operation<RetryOutcome> RETRY = new Operation<>("retry", RetryOutcome.class, null);
    static final Operation<DeleteOutcome> DELETE = new Operation<>("delete", DeleteOutcome.class, null);

    /** Changes as JSON, and a delay that only the database can turn into a moment. */
    record Edit(String json, @Nullable Long delayMicros) {}

    static Operation<EditOutcome> edit(String json, @Nullable Long delayMicros) {
        return new Operation<>("edit", EditOutcome.class, new Edit(json, delayMicros));
    }

    Map<Long, O> apply(Connection connection, SchemaName schema, long[] ids) throws SQLException {
        String function = schema.quoted() + "." + verb + "_jobs";
        String sql = edit == null
                ? "SELECT id, outcome FROM " + function + "(?)"
                : "SELECT id, outcome FROM " + function + """
                        (?, ?::jsonb || CASE WHEN ?::bigint IS NULL THEN '{}'
                            ELSE jsonb_build_object('scheduled_at', clock_timestamp() + ? * interval '1 microsecond') END)""";
        try (PreparedStatement statement = connection.prepareStatement(sql)) {
            statement.setObject(1, ids);
            if (edit != null) {
                statement.setString(2, edit.json());
                statement.setObject(3, edit.delayMicros(), Types.BIGINT);
                statement.setObject(4, edit.delayMicros(), Types.BIGINT);
            }
            Map<Long, O> answers = new TreeMap<>();
            try (ResultSet rows = statement.executeQuery()) {
                while (rows.next()) {
                    answers.put(
                            rows.getLong(1),
                            Enum.valueOf(outcomes, rows.getString(2).toUpperCase(Locale.ROOT)));
                }
            }
            return answers;
        }
    }
}
