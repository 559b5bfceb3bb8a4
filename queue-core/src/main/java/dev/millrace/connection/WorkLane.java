package dev.millrace.connection;

import java.sql.Connection;
import java.sql.SQLException;

/** Where operations get their connections from: a pool of our own, or the data source of the application. Thread-safe. */
interface WorkLane extends AutoCloseable {

    /** A connection in auto-commit mode for one operation. */
    interface Loan extends AutoCloseable {
        Connection connection();

        Link link();

        /** Gives the connection back, or takes it out of use if its link is dead. */
        @Override
        void close() throws SQLException;
    }

    /**
     * A connection for one operation.
     *
     * @param proven whether it must have answered within a moment: for whoever can't simply try again
     */
    Loan borrow(boolean proven) throws SQLException;

    /** The link below a borrowed connection. */
    Link linkOf(Connection borrowed) throws SQLException;

    /** Kills the link below a borrowed connection. */
    default void kill(Connection borrowed, String reason) {
        try {
            linkOf(borrowed).kill(reason);
        } catch (SQLException deadAlready) {
            // Ended is all that is wanted.
            return;
        }
    }

    /** A link has ended. */
    void forget(Link link);

    /** Lets idle connections go now and busy ones when they come back. */
    void retire();

    /** Changes how many connections there may be. */
    void resize(int maximum);

    PoolUsage usage();

    @Override
    void close();
}
