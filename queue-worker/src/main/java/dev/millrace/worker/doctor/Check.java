package dev.millrace.worker.doctor;

import java.sql.Connection;
import java.sql.SQLException;
import java.util.List;

/** Looks at one thing, by statements whose cost does not grow with the tables. */
interface Check {

    /** How the check is called in findings. */
    String name();

    /**
     * Looks.
     *
     * @throws SQLException if this role may not look, or it took too long
     */
    List<Finding> look(Connection connection) throws SQLException;
}
