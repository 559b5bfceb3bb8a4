package dev.millrace.worker.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.BindException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(30)
class WebServerTest {

    private final HttpClient client =
            HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(5)).build();
    private WebServer server;

    @BeforeEach
    void start() throws IOException {
        server = WebServer.builder(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
                .routes(List.of(
                        Route.open(
                                "/there",
                                asked -> Reply.text(200, "ä " + asked.uri().getQuery())),
                        Route.open("/broken", asked -> {
                            throw new IllegalStateException("secret");
                        })))
                .start();
    }

    @AfterEach
    void close() {
        server.close();
    }

    private HttpResponse<String> send(String method, String path) throws IOException, InterruptedException {
        URI address = URI.create("http://127.0.0.1:" + server.address().getPort() + path);
        return client.send(
                HttpRequest.newBuilder(address)
                        .method(method, HttpRequest.BodyPublishers.noBody())
                        .timeout(Duration.ofSeconds(10))
                        .build(),
                BodyHandlers.ofString());
    }

    @Test
    void get_route_isAnsweredAndNotStored() throws Exception {
        HttpResponse<String> response = send("GET", "/there?q=1");

        assertThat(response.statusCode()).isEqualTo(200);
        assertThat(response.body()).isEqualTo("ä q=1\n");
        assertThat(response.headers().firstValue("X-Content-Type-Options")).contains("nosniff");
        assertThat(response.headers().firstValue("Cache-Control")).contains("no-store");
        assertThat(response.headers().firstValue("Content-Type")).contains("text/plain; charset=utf-8");
    }

    @Test
    void head_route_hasTheLengthAndNoBody() throws Exception {
        HttpResponse<String> response = send("HEAD", "/there");

        assertThat(response.statusCode()).isEqualTo(200);
        assertThat(response.body()).isEmpty();
        assertThat(response.headers().firstValue("Content-Length")).contains("8");
    }

    @Test
    void otherMethodsAndPaths_areRefused() throws Exception {
        for (String method : List.of("POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE")) {
            HttpResponse<String> response = send(method, "/there");
            assertThat(response.statusCode()).as(method).isEqualTo(405);
            assertThat(response.headers().firstValue("Allow")).contains("GET, HEAD");
        }
        for (String path : List.of("/", "/there/", "/There", "/there/more", "//there", "/there%2f..")) {
            assertThat(send("GET", path).statusCode()).as(path).isEqualTo(404);
        }
    }

    @Test
    void get_routeThatThrows_is500AndSaysNothing() throws Exception {
        HttpResponse<String> response = send("GET", "/broken");

        assertThat(response.statusCode()).isEqualTo(500);
        assertThat(response.body()).doesNotContain("secret", "Exception");
    }

    @Test
    void start_portTaken_throws() {
        assertThatThrownBy(() -> WebServer.builder(server.address()).start()).isInstanceOf(BindException.class);
    }

    @Test
    void close_twice_givesThePortBack() throws Exception {
        InetSocketAddress address = server.address();
        send("GET", "/there");
        server.close();
        server.close();

        server = WebServer.builder(address).start();
        assertThat(send("GET", "/there").statusCode()).isEqualTo(404);
    }
}
