package dev.millrace.worker.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.millrace.worker.dashboard.Redaction.Part;
import dev.millrace.worker.http.Authentication;
import dev.millrace.worker.http.RequestHead;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

class HttpOptionsTest {

    private static final Map<String, String> PASSWORD = Map.of("MILLRACE_HTTP_PASSWORD", "from environment");

    @TempDir
    Path folder;

    @Command
    private static final class Holder {
        @Mixin
        private final HttpOptions options = new HttpOptions();
    }

    private static HttpOptions options(String... args) {
        Holder holder = new Holder();
        new CommandLine(holder).parseArgs(args);
        return holder.options;
    }

    private static boolean letsIn(Authentication authentication, String userAndPassword) {
        String encoded = Base64.getEncoder().encodeToString(userAndPassword.getBytes(StandardCharsets.UTF_8));
        return authentication
                .caller(new RequestHead(
                        "GET",
                        URI.create("/"),
                        new InetSocketAddress("127.0.0.1", 1),
                        Map.of("Authorization", List.of("Basic " + encoded))))
                .isPresent();
    }

    @Test
    void user_withPasswordOfTheEnvironmentOrAFile_isLetIn() throws IOException {
        Path file = Files.writeString(folder.resolve("password"), "from file\n");

        Authentication environment = options("--http-user", "ann").authentication(PASSWORD);
        assertThat(environment).isNotNull();
        assertThat(letsIn(environment, "ann:from environment")).isTrue();
        assertThat(letsIn(environment, "ann:from file")).isFalse();

        Authentication both = options("--http-user", "ann", "--http-password-file", file.toString())
                .authentication(PASSWORD);
        assertThat(both).isNotNull();
        assertThat(letsIn(both, "ann:from file")).isTrue();
        assertThat(letsIn(both, "ann:from environment")).isFalse();
    }

    @Test
    void userOrPassword_neither_isNoAuthentication() {
        assertThat(options().authentication(Map.of())).isNull();
    }

    @Test
    void userOrPassword_halfOrImpossible_isUsage() throws IOException {
        String empty = Files.writeString(folder.resolve("empty"), "\n").toString();
        String binary =
                Files.write(folder.resolve("binary"), new byte[] {(byte) 0xff}).toString();

        refused("--http-user needs a password: set MILLRACE_HTTP_PASSWORD", Map.of(), "--http-user", "ann");
        refused("no user: give --http-user", PASSWORD);
        refused("can't have a colon", PASSWORD, "--http-user", "a:b");
        refused("is empty", PASSWORD, "--http-user", "ann", "--http-password-file", empty);
        refused("is not text", PASSWORD, "--http-user", "ann", "--http-password-file", binary);
        refused("can't be read", PASSWORD, "--http-user", "ann", "--http-password-file", empty + "-not");
    }

    private static void refused(String sentence, Map<String, String> environment, String... args) {
        assertThatThrownBy(() -> options(args).authentication(environment))
                .isInstanceOf(UsageException.class)
                .hasMessageContaining(sentence)
                .hasMessageNotContaining("from environment");
    }

    @Test
    void redaction_namesFields() {
        assertThat(options().redaction().shown("mail", Part.ARGS, "{\"token\":1}"))
                .isEqualTo("{\"token\":1}");
        assertThat(options("--http-redact", "password,token").redaction().shown("mail", Part.ARGS, "{\"token\":1}"))
                .isEqualTo("{\"token\":\"***\"}");
        assertThat(options("--http-redact", " password , token ").redaction().shown("mail", Part.ARGS, "{\"token\":1}"))
                .isEqualTo("{\"token\":\"***\"}");
    }

    @Test
    void redaction_blankName_isUsage() {
        for (String names : List.of("", " ", "password,,token", "password, ,token")) {
            assertThatThrownBy(() -> options("--http-redact", names).redaction())
                    .as(names)
                    .isInstanceOf(UsageException.class)
                    .hasMessageContaining("--http-redact: The name of a field to hide is blank");
        }
    }
}
