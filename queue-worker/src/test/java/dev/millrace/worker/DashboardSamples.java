package dev.millrace.worker;

import dev.millrace.worker.dashboard.Dashboard;
import dev.millrace.worker.dashboard.Redaction;
import dev.millrace.worker.http.AuditLog;
import dev.millrace.worker.http.Caller;
import dev.millrace.worker.http.HealthRoutes;
import dev.millrace.worker.http.Role;
import dev.millrace.worker.http.WebServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.Optional;

/** Samples of docs/dashboard.md. */
final class DashboardSamples {

    record User(String name, boolean isOperator) {}

    interface Logins {
        Optional<User> find(String session);
    }

    private DashboardSamples() {}

    static WebServer embedded(Worker worker, Logins logins) throws IOException {
        AuditLog audit = new AuditLog();
        Dashboard dashboard = Dashboard.of(worker, Redaction.ofFields(List.of("password", "token")), audit);
        WebServer server = WebServer.builder(new InetSocketAddress("10.0.0.5", 8484))
                .routes(HealthRoutes.of(worker))
                .routes(dashboard.routes())
                .authentication(request -> request.cookie("session")
                        .flatMap(logins::find)
                        .map(user -> new Caller(user.name(), user.isOperator() ? Role.OPERATE : Role.VIEW)))
                .audit(audit)
                .start();
        return server;
    }
}
