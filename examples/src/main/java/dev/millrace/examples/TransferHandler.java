package dev.millrace.examples;

import dev.millrace.examples.ExampleJobs.Transfer;
import dev.millrace.worker.handler.Handler;
import dev.millrace.worker.handler.RunningJob;
import java.sql.SQLException;

/**
 * Moves money and completes its job in one transaction: however often workers are killed, each transfer happens exactly
 * once. Safe for use by many threads.
 */
final class TransferHandler implements Handler<Transfer> {

    private final AccountTable accounts = new AccountTable();
    private volatile boolean tableExists;

    @Override
    public void handle(RunningJob job, Transfer transfer) throws SQLException, InterruptedException {
        if (!tableExists) {
            tableExists = job.inTransaction(accounts::createIfAbsent);
        }
        job.inTransaction(connection -> {
            accounts.move(connection, transfer);
            // Throws where the lease is gone, and takes the money back with it.
            job.completeIn(connection);
            return true;
        });
    }
}
