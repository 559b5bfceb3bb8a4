package dev.millrace.worker.browser;

import dev.millrace.worker.Worker;
import dev.millrace.worker.dashboard.Dashboard;
import dev.millrace.worker.dashboard.Redaction;
import dev.millrace.worker.http.AuditLog;
import dev.millrace.worker.http.WebServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.URI;
import java.util.function.UnaryOperator;

/** The dashboard of a worker on a free port of this machine. */
final class Served implements AutoCloseable {

    private final Dashboard dashboard;
    private final WebServer server;

    private Served(Worker worker, UnaryOperator<WebServer.Builder> options) throws IOException {
        AuditLog audit = new AuditLog();
        dashboard = Dashboard.of(worker, Redaction.none(), audit);
        server = options.apply(WebServer.builder(new InetSocketAddress("127.0.0.1", 0))
                        .audit(audit)
                        .routes(dashboard.routes()))
                .start();
    }

    static Served by(Worker worker) throws IOException {
        return new Served(worker, options -> options);
    }

    static Served by(Worker worker, UnaryOperator<WebServer.Builder> options) throws IOException {
        return new Served(worker, options);
    }

    URI address() {
        return URI.create("http://127.0.0.1:" + server.address().getPort());
    }

    @Override
    public void close() {
        server.close();
        dashboard.close();
    }
}
