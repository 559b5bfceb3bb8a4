package dev.millrace.ops;

import dev.millrace.connection.DatabaseUnavailableException;
import dev.millrace.connection.FaultClass;
import dev.millrace.connection.Faults;
import dev.millrace.connection.Supervisor;
import java.sql.SQLException;

/** Says what happened, and what to do next. */
final class JobsFailure {

    private final Supervisor supervisor;

    JobsFailure(Supervisor supervisor) {
        this.supervisor = supervisor;
    }

    RuntimeException reading(SQLException failure, String what) {
        return translate(failure, "Could not " + what, false);
    }

    RuntimeException changing(SQLException failure, String verb, long done) {
        return translate(failure, what(verb, done), true);
    }

    DatabaseUnavailableException changing(DatabaseUnavailableException lost, String verb, long done) {
        return DatabaseUnavailableException.during(
                supervisor, what(verb, done) + ": " + lost.getMessage(), lost, lost.isResultUnknown());
    }

    private static String what(String verb, long done) {
        return "Could not " + verb + " jobs" + (done == 0 ? "" : " after " + done + " were done, which stay so");
    }

    private RuntimeException translate(SQLException failure, String what, boolean changing) {
        FaultClass fault = Faults.classify(failure, Faults.Phase.USE);
        String brief = Faults.brief(failure);
        if (fault == FaultClass.SCHEMA) {
            return new JobsException(
                    what + ", schema " + supervisor.database().schema().quoted()
                            + " does not have the tables expected: " + brief,
                    failure);
        }
        if (fault.losesConnection() || fault == FaultClass.OVERLOAD) {
            return DatabaseUnavailableException.during(
                    supervisor, what + ": " + brief, failure, changing && fault.losesConnection());
        }
        if ("57014".equals(failure.getSQLState())) {
            return new JobsException(
                    what + ", it took too long: narrow the filter by state, id or the time of the end: " + brief,
                    failure);
        }
        if ("55P03".equals(failure.getSQLState())) {
            return new JobsException(what + ", another transaction holds one of them: try again: " + brief, failure);
        }
        return new JobsException(what + ", the database refused: " + brief, failure);
    }
}
