package dev.millrace.worker.http;

/**
 * Who asks.
 *
 * @param name as the audit log names him; never blank
 * @param role what he may do
 */
public record Caller(String name, Role role) {

    /** Who asks for what is open to everybody. */
    static final Caller NOBODY = new Caller("nobody", Role.VIEW);

    /** Whoever reaches a server without authentication. */
    static final Caller LOCAL = new Caller("local", Role.OPERATE);

    /** @throws IllegalArgumentException if the name is blank */
    public Caller {
        if (name.isBlank()) {
            throw new IllegalArgumentException("A caller needs a name");
        }
    }
}
