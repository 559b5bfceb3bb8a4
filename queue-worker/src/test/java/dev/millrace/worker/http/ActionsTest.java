package dev.millrace.worker.http;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.Socket;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What becomes of a post. */
@Timeout(60)
class ActionsTest {

    private final List<String> done = Collections.synchronizedList(new ArrayList<>());
    private final AuditLog audit = new AuditLog();
    private final List<Route> routes = List.of(
            Route.page("/", request -> Reply.html(200, request.token())),
            Route.page("/jobs/{id}", request -> Reply.html(200, request.variable("id"))),
            Route.action("/jobs/{id}", "change job", request -> {
                done.add(request.variable("id") + " " + request.forms("tag"));
                return new Acted(
                        "job " + request.variable("id"),
                        1,
                        "changed",
                        Reply.redirect("/jobs/" + request.variable("id")));
            }),
            Route.action("/wrong", "do wrong", request -> {
                throw new BadRequestException("The id must be a number");
            }),
            Route.action("/broken", "break", request -> {
                throw new IllegalStateException("secret");
            }));
    private HttpRig rig;
    private String cookie;
    private String token;

    @BeforeEach
    void visit() throws Exception {
        rig = new HttpRig(HttpRig.local().routes(routes).audit(audit).start());
        HttpResponse<String> page = rig.get("/");
        cookie = HttpRig.cookie(page).orElseThrow();
        token = page.body();
    }

    @AfterEach
    void close() {
        rig.close();
    }

    private HttpRequest.Builder post(String path) {
        return HttpRig.form(
                rig.request(path).header("Cookie", cookie), Map.of(Request.TOKEN_FIELD, token, "tag", "ä&=%"));
    }

    @Test
    void action_ofThisServersPage_isDoneAndAudited() throws Exception {
        HttpResponse<String> response =
                rig.send(post("/jobs/17").header("Origin", rig.origin()).header("Sec-Fetch-Site", "same-origin"));

        assertThat(response.statusCode()).isEqualTo(303);
        assertThat(response.headers().firstValue("Location")).contains("/jobs/17");
        assertThat(done).containsExactly("17 [ä&=%]");
        assertThat(audit.recent()).singleElement().satisfies(entry -> {
            assertThat(entry.who()).isEqualTo("local");
            assertThat(entry.remote()).isEqualTo("127.0.0.1");
            assertThat(entry.action()).isEqualTo("change job");
            assertThat(entry.on()).isEqualTo("job 17");
            assertThat(entry.count()).isEqualTo(1);
            assertThat(entry.result()).isEqualTo("changed");
        });
    }

    @Test
    void action_ofAMalformedOrigin_isRefused() throws Exception {
        for (String origin :
                List.of("http://a|b", "http://[", "http://%zz", "http://", "null", "nonsense", rig.origin() + "/")) {
            assertThat(rig.send(post("/jobs/17").header("Origin", origin)).statusCode())
                    .as(origin)
                    .isEqualTo(403);
        }
        assertThat(done).isEmpty();
    }

    @Test
    void action_ofManyLines_hasPlainEndsOfLines() throws Exception {
        rig.send(HttpRig.form(
                rig.request("/jobs/17").header("Cookie", cookie),
                Map.of(Request.TOKEN_FIELD, token, "tag", "a\r\nb\nc")));

        assertThat(done).containsExactly("17 [a\nb\nc]");
    }

    @Test
    void action_ofAScript_sendsTheTokenInAHeader() throws Exception {
        HttpRequest.Builder request = HttpRig.form(rig.request("/jobs/17").header("Cookie", cookie), Map.of())
                .header(Request.TOKEN_HEADER, token);

        assertThat(rig.send(request).statusCode()).isEqualTo(303);
    }

    @Test
    void action_behindAProxyThatEndsTls_isDone() throws Exception {
        assertThat(rig.send(post("/jobs/17").header("Origin", rig.origin().replace("http:", "https:")))
                        .statusCode())
                .isEqualTo(303);
    }

    @Test
    void action_thatFails_isAuditedAsSuch() throws Exception {
        HttpResponse<String> wrong = rig.send(post("/wrong"));
        assertThat(wrong.statusCode()).isEqualTo(400);
        assertThat(wrong.body()).isEqualTo("The id must be a number\n");
        HttpResponse<String> broken = rig.send(post("/broken"));
        assertThat(broken.statusCode()).isEqualTo(500);
        assertThat(broken.body()).doesNotContain("secret");

        assertThat(audit.recent())
                .extracting(AuditEntry::result)
                .containsExactly("failed: IllegalStateException", "refused: The id must be a number");
    }

    @Test
    void action_variableWithASlash_isOneSegment() throws Exception {
        assertThat(rig.get("/jobs/a%2Fb%20+").body()).isEqualTo("a/b +");
        assertThat(rig.get("/jobs/a/b").statusCode()).isEqualTo(404);
        assertThat(rig.get("/jobs/").statusCode()).isEqualTo(404);
    }

    @Test
    void methods_ofAPathWithBoth_areAllowed() throws Exception {
        HttpResponse<String> response =
                rig.send(rig.request("/jobs/1").method("DELETE", HttpRequest.BodyPublishers.noBody()));

        assertThat(response.statusCode()).isEqualTo(405);
        assertThat(response.headers().firstValue("Allow")).contains("GET, HEAD, POST");
    }

    @Test
    void parameters_wronglyEncoded_are400() throws IOException {
        String request = "GET /?a=%zz HTTP/1.1\r\nHost: localhost\r\n\r\n";

        assertThat(RawHttp.status(rig.address(), request)).isEqualTo(400);
    }

    @Test
    void everyAction_askedForWrongly_isRefused() throws Exception {
        assertThat(new EveryAction(routes).assertRefused()).isEqualTo(3);
        assertThat(done).isEmpty();
    }

    @Test
    void clientsThatDoNotSendTheirForm_areCutOffAndHoldNobodyUpForLong() throws Exception {
        List<Socket> stalled = new ArrayList<>();
        try {
            for (int i = 0; i < 40; i++) {
                Socket socket = new Socket();
                stalled.add(socket);
                socket.setSoTimeout(20_000);
                socket.connect(rig.address(), 5_000);
                socket.getOutputStream()
                        .write(("POST /jobs/1 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n"
                                        + "Content-Type: application/x-www-form-urlencoded\r\n\r\n_tok")
                                .getBytes(StandardCharsets.US_ASCII));
            }

            assertThat(rig.get("/").statusCode()).isEqualTo(200);
            assertThat(stalled.get(0).getInputStream().read()).isEqualTo(-1);
        } finally {
            for (Socket socket : stalled) {
                socket.close();
            }
        }
        assertThat(done).isEmpty();
    }
}
