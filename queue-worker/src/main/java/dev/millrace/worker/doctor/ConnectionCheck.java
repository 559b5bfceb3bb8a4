package dev.millrace.worker.doctor;

import dev.millrace.connection.Budget;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.List;

/** Whether the server has room for what the processes may open, and for their notifications. */
record ConnectionCheck(int poolSize) implements Check {

    @Override
    public String name() {
        return "connections";
    }

    @Override
    public List<Finding> look(Connection connection) throws SQLException {
        Budget read = Budget.read(connection, poolSize + 2);
        // This process is none that works.
        Budget budget = new Budget(
                read.needed(),
                Math.max(1, read.instances() - 1),
                read.others(),
                read.available(),
                read.limit(),
                read.notifyQueue());
        String warning = budget.warning();
        if (warning != null) {
            return List.of(Finding.warn(name(), "short of connections", warning));
        }
        return List.of(Finding.ok(
                name(),
                budget.available() + " for this role; " + budget.instances()
                        + (budget.instances() == 1 ? " process" : " processes") + " of up to " + budget.needed() + ", "
                        + budget.others() + " other sessions"));
    }
}
