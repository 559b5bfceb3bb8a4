package dev.millrace.worker.dashboard;

import java.util.Collection;

/**
 * What of the data of jobs the dashboard shows: everything that comes from users' code as JSON passes here before it is shown. Called
 * on several threads at once; an exception hides the value.
 */
@FunctionalInterface
public interface Redaction {

    /** Parts of a job. */
    enum Part {
        ARGS,
        METADATA,
        OUTPUT
    }

    /**
     * What is shown instead.
     *
     * @param kind of the job
     * @param json as stored; always valid
     * @return JSON, or any other text
     */
    String shown(String kind, Part part, String json);

    /** Shows all. */
    static Redaction none() {
        return (kind, part, json) -> json;
    }

    /**
     * Shows {@code "***"} for the values of fields of these names, at any depth. Case, and the signs - and _ in names, do not matter.
     *
     * @throws IllegalArgumentException if a name is blank
     */
    static Redaction ofFields(Collection<String> names) {
        return new RedactedFields(names);
    }
}
