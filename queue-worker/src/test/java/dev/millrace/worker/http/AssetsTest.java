package dev.millrace.worker.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.http.HttpResponse;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(30)
class AssetsTest {

    private final Assets assets = new Assets(AssetsTest.class, "sample.css", "/dev/millrace/worker/http/sample.js");

    @Test
    void asset_isServedWithItsTypeAndKeptByBrowsers() throws Exception {
        try (HttpRig rig = new HttpRig(HttpRig.local().routes(assets.routes()).start())) {
            HttpResponse<String> css = rig.get(assets.path("sample.css"));
            assertThat(css.body()).isEqualTo("body { color: black; }\n");
            assertThat(css.headers().firstValue("Content-Type")).contains("text/css; charset=utf-8");
            assertThat(css.headers().firstValue("Cache-Control")).contains("private, max-age=31536000, immutable");
            assertThat(rig.get(assets.path("sample.js")).headers().firstValue("Content-Type"))
                    .contains("text/javascript; charset=utf-8");
        }
    }

    @Test
    void asset_path_tellsItsContent() {
        assertThat(assets.path("sample.css")).matches("/assets/sample\\.[0-9a-f]{16}\\.css");
        assertThat(assets.path("sample.js")).matches("/assets/sample\\.[0-9a-f]{16}\\.js");
        assertThatThrownBy(() -> assets.path("other.css")).hasMessageContaining("other.css");
    }

    @Test
    void otherFiles_areNotThere() throws Exception {
        try (HttpRig rig = new HttpRig(HttpRig.local().routes(assets.routes()).start())) {
            for (String path : List.of(
                    "/assets/",
                    "/assets/sample.css",
                    "/assets/../AssetsTest.class",
                    "/assets/%2e%2e/AssetsTest.class",
                    "/assets/..%2fAssetsTest.class",
                    "/assets/%5c..%5cAssetsTest.class",
                    "/assets/./" + assets.path("sample.css").substring(8),
                    "/assets//" + assets.path("sample.css").substring(8),
                    assets.path("sample.css") + "%00",
                    "/assets/AssetsTest.class")) {
                assertThat(RawHttp.status(rig.address(), "GET " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n"))
                        .as(path)
                        .isEqualTo(404);
            }
        }
    }

    @Test
    void assets_missingOfUnknownTypeOrTwice_throw() {
        assertThatThrownBy(() -> new Assets(AssetsTest.class, "none.css")).hasMessageContaining("none.css");
        assertThatThrownBy(() -> new Assets(AssetsTest.class, "AssetsTest.class"))
                .hasMessageContaining("type");
        assertThatThrownBy(() -> new Assets(AssetsTest.class, "sample.css", "/dev/millrace/worker/http/sample.css"))
                .hasMessageContaining("Two");
    }
}
