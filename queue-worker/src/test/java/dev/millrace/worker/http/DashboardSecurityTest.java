package dev.millrace.worker.http;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.connection.Database;
import dev.millrace.job.JobType;
import dev.millrace.testing.PostgresTest;
import dev.millrace.testing.TestDatabase;
import dev.millrace.worker.Worker;
import dev.millrace.worker.dashboard.Dashboard;
import dev.millrace.worker.dashboard.Redaction;
import java.net.http.HttpResponse;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Access to the routes that the dashboard really has. */
@PostgresTest
@Timeout(120)
class DashboardSecurityTest {

    private final TestDatabase database;

    DashboardSecurityTest(TestDatabase database) {
        this.database = database;
    }

    private Worker worker() {
        return Worker.builder(Database.of(database.url()))
                .handle(JobType.of("slow", Object.class), (job, args) -> {})
                .build();
    }

    @Test
    void everyAction_askedForWrongly_isRefused() throws Exception {
        try (Worker worker = worker();
                Dashboard dashboard = Dashboard.of(worker, Redaction.none(), new AuditLog())) {
            assertThat(new EveryAction(dashboard.routes()).assertRefused()).isGreaterThanOrEqualTo(10);
        }
    }

    @Test
    void everyPage_withoutALogin_isRefused() throws Exception {
        try (Worker worker = worker();
                Dashboard dashboard = Dashboard.of(worker, Redaction.none(), new AuditLog());
                WebServer server = HttpRig.local()
                        .routes(dashboard.routes())
                        .authentication(Authentication.basic("ann", "password", Role.VIEW))
                        .start();
                HttpRig rig = new HttpRig(server)) {
            List<String> paths = server.routes().stream()
                    .filter(Route.Read.class::isInstance)
                    .map(route -> route.pattern().text().replaceAll("\\{\\w+}", "1"))
                    .toList();
            assertThat(paths).hasSizeGreaterThan(10);
            for (String path : paths) {
                HttpResponse<String> response = rig.get(path);
                assertThat(response.statusCode()).as(path).isEqualTo(401);
                assertThat(response.headers().firstValue("Content-Security-Policy"))
                        .as(path)
                        .isPresent();
            }
        }
    }
}
