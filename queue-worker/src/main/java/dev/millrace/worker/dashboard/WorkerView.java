package dev.millrace.worker.dashboard;

import java.time.Instant;
import java.util.List;

/**
 * A worker as pages show it.
 *
 * @param own whether it is the one of this process
 * @param query of the address that lists the jobs it runs
 */
record WorkerView(
        String id,
        Moment startedAt,
        Moment heartbeatAt,
        boolean live,
        boolean leads,
        boolean own,
        String query,
        List<WorkerRow.QueueUse> queues) {

    static List<WorkerView> all(Source source) {
        String own = source.workerId();
        return source.workerList().stream()
                .map(row -> new WorkerView(
                        row.id(),
                        Moment.at(row.startedAt(), Instant.now()),
                        Moment.at(row.heartbeatAt(), Instant.now()),
                        row.live(),
                        row.leads(),
                        row.id().equals(own),
                        "state=running&worker=" + JobSearch.encoded(row.id()),
                        row.queues()))
                .toList();
    }
}
