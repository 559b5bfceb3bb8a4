package dev.millrace.worker.dashboard;

import java.util.List;

/** Workers, and which of them leads. */
final class WorkersPage {

    private WorkersPage() {}

    /** What it shows. */
    record Content(List<WorkerView> workers, boolean led) {}

    static View view(Source source) {
        List<WorkerView> workers = WorkerView.all(source);
        return View.of(
                "Workers", "workers", new Content(workers, workers.stream().anyMatch(WorkerView::leads)));
    }
}
