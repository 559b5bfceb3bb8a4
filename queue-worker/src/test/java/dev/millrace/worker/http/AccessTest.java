package dev.millrace.worker.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Who may see pages. */
@Timeout(60)
class AccessTest {

    private static final List<Route> ROUTES = List.of(
            Route.open("/open", request -> Reply.text(200, request.caller().name())),
            Route.page("/page", request -> Reply.html(200, request.caller() + " " + request.token())),
            Route.page("/data", request -> Reply.json(200, "{}")));

    private static HttpRig local() throws IOException {
        return new HttpRig(HttpRig.local().routes(ROUTES).start());
    }

    private static HttpRig basic() throws IOException {
        return new HttpRig(HttpRig.local()
                .routes(ROUTES)
                .authentication(Authentication.basic("ann", "pässword:1", Role.OPERATE))
                .start());
    }

    private static HttpRequest.Builder as(HttpRequest.Builder request, String userAndPassword) {
        return request.header(
                "Authorization",
                "Basic " + Base64.getEncoder().encodeToString(userAndPassword.getBytes(StandardCharsets.UTF_8)));
    }

    @Test
    void page_withoutAuthenticationOnLoopback_isServedToAll() throws Exception {
        try (HttpRig rig = local()) {
            assertThat(rig.get("/page").body()).startsWith("Caller[name=local, role=OPERATE]");
        }
    }

    @Test
    void page_withoutAuthenticationOnOtherAddresses_isRefusedWhileOpenRoutesStay() throws Exception {
        try (HttpRig rig = new HttpRig(WebServer.builder(new InetSocketAddress("0.0.0.0", 0))
                .routes(ROUTES)
                .start())) {
            assertThat(rig.get("/page").statusCode()).isEqualTo(403);
            assertThat(rig.get("/page").body()).contains("--http-user");
            assertThat(rig.get("/open").body()).isEqualTo("nobody\n");
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "evil.example",
                "evil.example:8484",
                "localhost.evil.example",
                "127.0.0.1.evil.example",
                "evil.example#localhost",
                "127.0.0.1@evil.example",
                "10.0.0.1",
                "0.0.0.0",
                "",
            })
    void page_underAnothersName_is421(String host) throws Exception {
        try (HttpRig rig = local()) {
            String request = "GET /page HTTP/1.1\r\nHost: " + host + "\r\n\r\n";
            assertThat(RawHttp.status(rig.address(), request)).isEqualTo(421);
        }
    }

    @Test
    void page_withoutOrWithTwoHosts_is421() throws Exception {
        try (HttpRig rig = local()) {
            assertThat(RawHttp.status(rig.address(), "GET /page HTTP/1.0\r\n\r\n"))
                    .isIn(400, 421);
            assertThat(RawHttp.status(
                            rig.address(), "GET /page HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n"))
                    .isIn(400, 421);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"localhost", "LOCALHOST:1", "127.0.0.1:9000", "127.1.2.3", "[::1]:8484", "a.localhost"})
    void page_underALoopbackName_isServed(String host) throws Exception {
        try (HttpRig rig = local()) {
            String request = "GET /page HTTP/1.1\r\nHost: " + host + "\r\n\r\n";
            assertThat(RawHttp.status(rig.address(), request)).isEqualTo(200);
        }
    }

    @Test
    void open_underAnyName_isServed() throws Exception {
        try (HttpRig rig = local()) {
            assertThat(RawHttp.status(rig.address(), "GET /open HTTP/1.1\r\nHost: 10.1.2.3\r\n\r\n"))
                    .isEqualTo(200);
        }
    }

    @Test
    void basic_rightPassword_isLetIn() throws Exception {
        try (HttpRig rig = basic()) {
            assertThat(rig.send(as(rig.request("/page"), "ann:pässword:1")).body())
                    .startsWith("Caller[name=ann, role=OPERATE]");
        }
    }

    @Test
    void basic_wrongPassword_isAskedAgainAndAudited() throws Exception {
        AuditLog audit = new AuditLog();
        try (HttpRig rig = new HttpRig(HttpRig.local()
                .routes(ROUTES)
                .audit(audit)
                .authentication(Authentication.basic("ann", "pässword:1", Role.OPERATE))
                .start())) {
            assertThat(rig.get("/page").headers().firstValue("WWW-Authenticate"))
                    .hasValueSatisfying(challenge -> assertThat(challenge).startsWith("Basic realm="));
            assertThat(audit.recent()).isEmpty();
            for (String wrong : List.of("ann:", "ann:password:1", "ann:pässword:12", "bob:pässword:1", ":", "")) {
                HttpResponse<String> response = rig.send(as(rig.request("/page"), wrong));
                assertThat(response.statusCode()).as(wrong).isEqualTo(401);
                assertThat(response.headers().firstValue("Set-Cookie")).isEmpty();
            }
            assertThat(audit.recent()).hasSize(6).allSatisfy(entry -> {
                assertThat(entry.who()).isEqualTo("?");
                assertThat(entry.action()).isEqualTo("log in");
            });
            for (String header : List.of("Basic", "Basic !!!", "Bearer YW5uOnA=", "")) {
                assertThat(rig.send(rig.request("/page").header("Authorization", header))
                                .statusCode())
                        .as(header)
                        .isEqualTo(401);
            }
            assertThat(rig.get("/open").statusCode()).isEqualTo(200);
        }
    }

    @Test
    void basic_userOrPasswordThatCanNotBe_throws() {
        assertThatThrownBy(() -> Authentication.basic("a:b", "p", Role.VIEW)).hasMessageContaining("colon");
        assertThatThrownBy(() -> Authentication.basic("a", "", Role.VIEW)).hasMessageContaining("empty");
        assertThatThrownBy(() -> Authentication.basic(" ", "p", Role.VIEW)).hasMessageContaining("name");
    }

    @Test
    void hook_decidesFromHeadersAndCookies() throws Exception {
        Authentication own =
                request -> request.cookie("login").filter("secret"::equals).map(known -> new Caller("eve", Role.VIEW));
        try (HttpRig rig =
                new HttpRig(HttpRig.local().routes(ROUTES).authentication(own).start())) {
            assertThat(rig.get("/page").statusCode()).isEqualTo(401);
            assertThat(rig.send(rig.request("/page").header("Cookie", "a=b; login=secret"))
                            .body())
                    .startsWith("Caller[name=eve, role=VIEW]");
        }
    }

    @Test
    void hook_thatSendsToItsLogin_redirects() throws Exception {
        Authentication own = new Authentication() {
            @Override
            public Optional<Caller> caller(RequestHead request) {
                return Optional.empty();
            }

            @Override
            public Reply unknown(RequestHead request) {
                return Reply.redirect("/login?back=" + request.uri().getPath());
            }
        };
        try (HttpRig rig =
                new HttpRig(HttpRig.local().routes(ROUTES).authentication(own).start())) {
            HttpResponse<String> response = rig.get("/page");
            assertThat(response.statusCode()).isEqualTo(303);
            assertThat(response.headers().firstValue("Location")).contains("/login?back=/page");
        }
    }

    @Test
    void hook_thatThrows_letsNobodyIn() throws Exception {
        try (HttpRig rig = new HttpRig(HttpRig.local()
                .routes(ROUTES)
                .authentication(request -> {
                    throw new IllegalStateException("The directory is down");
                })
                .start())) {
            assertThat(rig.get("/page").statusCode()).isEqualTo(500);
            assertThat(rig.get("/page").body()).doesNotContain("directory");
        }
    }

    @Test
    void page_askedForByAnothersScript_isRefused_linkIsServed() throws Exception {
        try (HttpRig rig = local()) {
            for (String site : List.of("cross-site", "same-site", "nonsense")) {
                assertThat(rig.send(rig.request("/data").header("Sec-Fetch-Site", site))
                                .statusCode())
                        .as(site)
                        .isEqualTo(403);
            }
            assertThat(rig.send(rig.request("/page")
                                    .header("Sec-Fetch-Site", "cross-site")
                                    .header("Sec-Fetch-Mode", "navigate"))
                            .statusCode())
                    .isEqualTo(200);
            assertThat(rig.send(rig.request("/data").header("Sec-Fetch-Site", "same-origin"))
                            .statusCode())
                    .isEqualTo(200);
        }
    }

    @Test
    void page_first_setsASessionThatScriptsAndOtherSitesDoNotGet() throws Exception {
        try (HttpRig rig = local()) {
            HttpResponse<String> first = rig.get("/page");
            assertThat(first.headers().firstValue("Set-Cookie").orElseThrow())
                    .matches("millrace_\\d+=[\\w-]{43}; Path=/; HttpOnly; SameSite=Lax");
            HttpResponse<String> again = rig.send(
                    rig.request("/page").header("Cookie", HttpRig.cookie(first).orElseThrow()));
            assertThat(again.headers().firstValue("Set-Cookie")).isEmpty();
            assertThat(again.body()).isEqualTo(first.body());

            assertThat(rig.get("/page").body()).isNotEqualTo(first.body());
            assertThat(rig.get("/data").headers().firstValue("Set-Cookie")).isEmpty();
            assertThat(rig.send(rig.request("/page").header("X-Forwarded-Proto", "https"))
                            .headers()
                            .firstValue("Set-Cookie")
                            .orElseThrow())
                    .endsWith("; Secure");
        }
    }

    @Test
    void allAnswers_haveTheHeadersThatKeepBrowsersSafe() throws Exception {
        try (HttpRig rig = local()) {
            for (String path : List.of("/page", "/data", "/open", "/nothing")) {
                HttpResponse<String> response = rig.get(path);
                assertThat(response.headers().firstValue("Content-Security-Policy"))
                        .as(path)
                        .contains("default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
                                + " connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'");
                assertThat(response.headers().map())
                        .as(path)
                        .containsEntry("x-content-type-options", List.of("nosniff"))
                        .containsEntry("referrer-policy", List.of("same-origin"))
                        .containsEntry("cross-origin-opener-policy", List.of("same-origin"))
                        .containsEntry("cross-origin-resource-policy", List.of("same-origin"))
                        .containsEntry("cache-control", List.of("no-store"))
                        .containsKey("permissions-policy");
            }
        }
    }

    @Test
    void head_ofAPage_hasItsHeadersAndNoBody() throws Exception {
        try (HttpRig rig = local()) {
            HttpResponse<String> head =
                    rig.send(rig.request("/page").method("HEAD", HttpRequest.BodyPublishers.noBody()));
            assertThat(head.statusCode()).isEqualTo(200);
            assertThat(head.body()).isEmpty();
            assertThat(head.headers().firstValue("Content-Length"))
                    .contains(Integer.toString(rig.get("/page").body().length()));
        }
    }
}
