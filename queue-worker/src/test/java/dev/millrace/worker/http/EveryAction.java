package dev.millrace.worker.http;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.URLEncoder;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;

/**
 * Asks a server for each of its actions in every way that must be refused. The actions are those that the server has, so none can be
 * forgotten. That nothing was done is told by the audit log: it has one refusal for each try, and nothing else.
 */
final class EveryAction {

    private static final String PAGE = "/every-action-page";
    private static final Authentication BY_HEADER =
            request -> request.header("X-User").map(user -> new Caller(user, Role.OPERATE));

    private final List<Route> routes;

    EveryAction(List<Route> routes) {
        this.routes = new ArrayList<>(routes);
        this.routes.add(Route.page(PAGE, request -> Reply.html(200, request.token())));
    }

    /** What a browser has that has loaded a page. */
    private record Visit(String cookie, String token) {}

    /** All ways, for all actions. Returns how many actions there are. */
    int assertRefused() throws Exception {
        withoutAuthentication();
        readOnly();
        viewer();
        unknown();
        elsewhere();
        return (int) routes.stream().filter(Route.Action.class::isInstance).count();
    }

    private void withoutAuthentication() throws Exception {
        AuditLog audit = new AuditLog();
        try (WebServer server = HttpRig.local().routes(routes).audit(audit).start();
                HttpRig rig = new HttpRig(server)) {
            Visit visit = visit(rig, request -> request);
            Visit other = visit(rig, request -> request);
            for (String path : paths(server)) {
                refused(rig, 403, path, visit.cookie, Map.of(), request -> request);
                refused(rig, 403, path, visit.cookie, token(""), request -> request);
                refused(rig, 403, path, visit.cookie, token(other.token), request -> request);
                refused(rig, 403, path, "a=b", token(visit.token), request -> request);
                refused(rig, 403, path, visit.cookie, token(visit.token), origin("http://evil.example"));
                refused(rig, 403, path, visit.cookie, token(visit.token), origin("null"));
                refused(rig, 403, path, visit.cookie, token(visit.token), origin("http://127.0.0.1:1"));
                refused(rig, 403, path, visit.cookie, token(visit.token), origin(rig.origin() + "@evil.example"));
                refused(rig, 403, path, visit.cookie, token(visit.token), site("cross-site"));
                refused(rig, 403, path, visit.cookie, token(visit.token), site("same-site"));
                refused(
                        rig,
                        403,
                        path,
                        visit.cookie,
                        token(visit.token),
                        request ->
                                request.header("Sec-Fetch-Site", "cross-site").header("Sec-Fetch-Mode", "navigate"));
                Map<String, String> large = Map.of(Request.TOKEN_FIELD, visit.token, "padding", "x".repeat(Form.LIMIT));
                refused(rig, 413, path, visit.cookie, large, request -> request);
                wrongType(rig, path, visit);
                wrongHost(rig, path, visit);
                otherMethods(rig, path, visit);
            }
            onlyRefusals(audit, 14 * paths(server).size());
        }
    }

    private void wrongType(HttpRig rig, String path, Visit visit) throws Exception {
        for (String type : List.of("text/plain", "application/json", "multipart/form-data; boundary=x")) {
            HttpRequest.Builder request = rig.request(path)
                    .header("Cookie", visit.cookie)
                    .header("Content-Type", type)
                    .POST(HttpRequest.BodyPublishers.ofString(Request.TOKEN_FIELD + "=" + visit.token));
            assertThat(rig.send(request).statusCode()).as(path + " as " + type).isEqualTo(415);
        }
    }

    private void wrongHost(HttpRig rig, String path, Visit visit) throws IOException {
        String body = Request.TOKEN_FIELD + "=" + URLEncoder.encode(visit.token, StandardCharsets.UTF_8);
        String request = "POST " + path + " HTTP/1.1\r\nHost: evil.example\r\nOrigin: http://evil.example\r\nCookie: "
                + visit.cookie + "\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: "
                + body.length() + "\r\n\r\n" + body;
        assertThat(RawHttp.status(rig.address(), request)).as(path).isEqualTo(421);
    }

    private void otherMethods(HttpRig rig, String path, Visit visit) throws Exception {
        for (String method : List.of("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "post")) {
            HttpRequest.Builder request = rig.request(path)
                    .header("Cookie", visit.cookie)
                    .header(Request.TOKEN_HEADER, visit.token)
                    .method(method, HttpRequest.BodyPublishers.noBody());
            HttpResponse<String> response = rig.send(request);
            assertThat(response.statusCode()).as(method + " " + path).isEqualTo(405);
            assertThat(response.headers().firstValue("Allow").orElseThrow()).contains("POST");
        }
    }

    private void readOnly() throws Exception {
        AuditLog audit = new AuditLog();
        try (WebServer server = HttpRig.local()
                        .routes(routes)
                        .audit(audit)
                        .readOnly(true)
                        .start();
                HttpRig rig = new HttpRig(server)) {
            Visit visit = visit(rig, request -> request);
            for (String path : paths(server)) {
                refused(rig, 403, path, visit.cookie, token(visit.token), request -> request);
            }
            onlyRefusals(audit, paths(server).size());
        }
    }

    private void viewer() throws Exception {
        AuditLog audit = new AuditLog();
        Authentication viewers = request -> BY_HEADER.caller(request).map(known -> new Caller("vic", Role.VIEW));
        try (WebServer server = HttpRig.local()
                        .routes(routes)
                        .audit(audit)
                        .authentication(viewers)
                        .start();
                HttpRig rig = new HttpRig(server)) {
            Visit visit = visit(rig, user("vic"));
            for (String path : paths(server)) {
                refused(rig, 403, path, visit.cookie, token(visit.token), user("vic"));
            }
            onlyRefusals(audit, paths(server).size());
        }
    }

    private void unknown() throws Exception {
        AuditLog audit = new AuditLog();
        try (WebServer server = HttpRig.local()
                        .routes(routes)
                        .audit(audit)
                        .authentication(BY_HEADER)
                        .start();
                HttpRig rig = new HttpRig(server)) {
            Visit visit = visit(rig, user("ann"));
            for (String path : paths(server)) {
                refused(rig, 401, path, visit.cookie, token(visit.token), request -> request);
                // The token of the browser's user before.
                refused(rig, 403, path, visit.cookie, token(visit.token), user("bob"));
            }
            onlyRefusals(audit, 2 * paths(server).size());
        }
    }

    private void elsewhere() throws Exception {
        AuditLog audit = new AuditLog();
        try (WebServer server = WebServer.builder(new InetSocketAddress("0.0.0.0", 0))
                        .routes(routes)
                        .audit(audit)
                        .start();
                HttpRig rig = new HttpRig(server)) {
            for (String path : paths(server)) {
                refused(rig, 403, path, "a=b", token("x"), request -> request);
            }
            onlyRefusals(audit, paths(server).size());
        }
    }

    private static void onlyRefusals(AuditLog audit, int atLeast) {
        assertThat(audit.recent()).hasSizeGreaterThanOrEqualTo(Math.min(atLeast, AuditLog.KEPT));
        assertThat(audit.recent())
                .allSatisfy(entry -> assertThat(entry.result()).startsWith("refused: "));
    }

    private static void refused(
            HttpRig rig,
            int status,
            String path,
            String cookie,
            Map<String, String> fields,
            UnaryOperator<HttpRequest.Builder> more)
            throws Exception {
        HttpRequest.Builder request = more.apply(HttpRig.form(rig.request(path).header("Cookie", cookie), fields));
        HttpResponse<String> response = rig.send(request);
        assertThat(response.statusCode())
                .as("POST " + path + " " + request.build().headers() + ": " + response.body())
                .isEqualTo(status);
        assertThat(response.headers().firstValue("Content-Security-Policy")).isPresent();
    }

    private static Visit visit(HttpRig rig, UnaryOperator<HttpRequest.Builder> more) throws Exception {
        HttpResponse<String> page = rig.send(more.apply(rig.request(PAGE)));
        assertThat(page.statusCode()).as(page.body()).isEqualTo(200);
        return new Visit(HttpRig.cookie(page).orElseThrow(), page.body());
    }

    /** An address for each action. */
    private static List<String> paths(WebServer server) {
        return server.routes().stream()
                .filter(Route.Action.class::isInstance)
                .map(route -> route.pattern().text().replaceAll("\\{\\w+}", "1"))
                .toList();
    }

    private static Map<String, String> token(String token) {
        return Map.of(Request.TOKEN_FIELD, token);
    }

    private static UnaryOperator<HttpRequest.Builder> origin(String origin) {
        return request -> request.header("Origin", origin);
    }

    private static UnaryOperator<HttpRequest.Builder> site(String site) {
        return request -> request.header("Sec-Fetch-Site", site);
    }

    private static UnaryOperator<HttpRequest.Builder> user(String name) {
        return request -> request.header("X-User", name);
    }
}
