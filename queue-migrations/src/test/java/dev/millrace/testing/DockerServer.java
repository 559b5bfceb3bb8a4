package dev.millrace.testing;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.testcontainers.DockerClientFactory;
import org.testcontainers.postgresql.PostgreSQLContainer;
import org.testcontainers.utility.DockerImageName;

/** PostgreSQL in a container, where a Docker engine answers. Testcontainers removes it when the JVM ends. */
final class DockerServer {

    private DockerServer() {}

    /**
     * @return URL of a started server, or nothing where no engine answers
     */
    static Optional<String> start(String major) {
        // Testcontainers tries each way in turn, at length and aloud; without a socket there is nothing to try.
        if (!mayAnswer() || !DockerClientFactory.instance().isDockerAvailable()) {
            return Optional.empty();
        }
        @SuppressWarnings("resource") // lives as long as the JVM; Testcontainers' reaper ends it
        PostgreSQLContainer container = new PostgreSQLContainer(DockerImageName.parse("postgres:" + major));
        container.withStartupTimeout(Duration.ofMinutes(2));
        container.setCommand("postgres", "-c", "fsync=off", "-c", "full_page_writes=off", "-c", "max_connections=300");
        container.start();
        return Optional.of("jdbc:postgresql://" + container.getHost() + ":"
                + container.getMappedPort(PostgreSQLContainer.POSTGRESQL_PORT) + "/" + container.getDatabaseName()
                + "?user=" + container.getUsername() + "&password=" + container.getPassword());
    }

    private static boolean mayAnswer() {
        if (System.getenv("DOCKER_HOST") != null) {
            return true;
        }
        String home = System.getProperty("user.home");
        String runtime = Objects.requireNonNullElse(System.getenv("XDG_RUNTIME_DIR"), home);
        return List.of(
                        Path.of("/var/run/docker.sock"),
                        Path.of(runtime, "docker.sock"),
                        Path.of(home, ".docker", "run", "docker.sock"),
                        Path.of(home, ".docker", "desktop", "docker.sock"))
                .stream()
                .anyMatch(Files::exists);
    }
}
