package dev.millrace.migrations;

import dev.millrace.error.MillraceException;
import org.jspecify.annotations.Nullable;

/** The schema is missing, older or newer than this program needs, or could not be migrated. Nothing was changed by the check. */
public final class SchemaException extends MillraceException {

    private static final long serialVersionUID = 1L;

    public SchemaException(String message) {
        super(message);
    }

    public SchemaException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
