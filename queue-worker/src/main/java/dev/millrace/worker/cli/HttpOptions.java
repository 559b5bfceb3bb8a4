package dev.millrace.worker.cli;

import dev.millrace.worker.dashboard.Redaction;
import dev.millrace.worker.http.Authentication;
import dev.millrace.worker.http.Role;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Options that say where a worker answers HTTP, and to whom. */
final class HttpOptions {

    private static final String PASSWORD = "MILLRACE_HTTP_PASSWORD";

    @Option(
            names = "--http",
            paramLabel = "HOST:PORT",
            converter = HttpAddress.Converter.class,
            description = "Where to serve the dashboard, /health/live, /health/ready and /metrics, or off. Default: "
                    + HttpAddress.DEFAULT + ", if that is free.")
    private @Nullable HttpAddress http;

    @Option(
            names = "--http-user",
            paramLabel = "NAME",
            description = "Who may use the dashboard, with the password in the environment variable " + PASSWORD
                    + " or in --http-password-file. Without it the dashboard is served on a loopback address only, to"
                    + " everybody there. Health and metrics need no user.")
    private @Nullable String user;

    @Option(
            names = "--http-password-file",
            paramLabel = "PATH",
            description = "File with the password of --http-user; goes before the environment variable.")
    private @Nullable Path passwordFile;

    @Option(names = "--http-read-only", description = "Show the dashboard and refuse every action.")
    private boolean readOnly;

    @Option(
            names = "--http-redact",
            split = ",",
            paramLabel = "NAME",
            description = "Fields of args, metadata and outputs whose values the dashboard hides, at any depth.")
    private List<String> redacted = List.of();

    /** Whether the user has said where. */
    boolean isAddressGiven() {
        return http != null;
    }

    /** Where; null for nowhere. */
    @Nullable InetSocketAddress address() {
        return (http == null ? new HttpAddress.Converter().convert(HttpAddress.DEFAULT) : http).socket();
    }

    boolean isReadOnly() {
        return readOnly;
    }

    /**
     * What the dashboard hides.
     *
     * @throws UsageException if a name is blank: a field that was meant would be shown
     */
    Redaction redaction() {
        List<String> names = redacted.stream().map(String::strip).toList();
        try {
            return names.isEmpty() ? Redaction.none() : Redaction.ofFields(names);
        } catch (IllegalArgumentException blank) {
            throw new UsageException("--http-redact: " + blank.getMessage(), blank);
        }
    }

    /**
     * Who is let in; null where nobody needs to say who he is.
     *
     * @throws UsageException if there is a user without a password or a password without a user: a half of it must not open the
     *     dashboard to all
     */
    @Nullable Authentication authentication(Map<String, String> environment) {
        String password = passwordFile == null ? environment.getOrDefault(PASSWORD, "") : read(passwordFile);
        if (user == null && password.isEmpty()) {
            return null;
        }
        if (user == null) {
            throw new UsageException("There is a password for the dashboard and no user: give --http-user");
        }
        if (password.isEmpty()) {
            throw new UsageException(
                    "--http-user needs a password: set " + PASSWORD + ", or give --http-password-file");
        }
        try {
            return Authentication.basic(user, password, Role.OPERATE);
        } catch (IllegalArgumentException wrong) {
            throw new UsageException("--http-user: " + wrong.getMessage(), wrong);
        }
    }

    /** Without the end of line that editors leave. */
    private static String read(Path file) {
        try {
            String password = Files.readString(file).strip();
            if (password.isEmpty()) {
                throw new UsageException("--http-password-file " + file + " is empty");
            }
            return password;
        } catch (CharacterCodingException noText) {
            throw new UsageException("--http-password-file " + file + " is not text in UTF-8", noText);
        } catch (IOException failure) {
            throw new UsageException("--http-password-file " + file + " can't be read", failure);
        }
    }
}
