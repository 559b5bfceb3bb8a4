package dev.millrace.connection;

import java.sql.SQLException;

/** Opens links, one connection each. */
@FunctionalInterface
interface LinkOpener {

    /** Opens one within the limit of {@link Timeouts#connect}, or throws. */
    Link open(Link.Role role, long epoch) throws SQLException;
}
