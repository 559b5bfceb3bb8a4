package dev.millrace.worker.bench;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * CPU time of a PostgreSQL server on this machine, from {@code /proc} (proc_pid_stat(5)): of its first process, of those that it
 * has now, and of those that have ended, which the first one's count of its children has.
 */
final class ServerCpu {

    private static final Path PROC = Path.of("/proc");

    /** Linux shows times to programs in hundredths of a second, whatever the kernel counts in. */
    private static final double TICKS_PER_SECOND = 100;

    private static final int PARENT = 1;
    private static final int USER = 11;
    private static final int SYSTEM = 12;
    private static final int CHILDREN_USER = 13;
    private static final int CHILDREN_SYSTEM = 14;

    private ServerCpu() {}

    /**
     * Seconds so far.
     *
     * @param backendPid of any session of the server
     * @return null unless there is a process of this number and PostgreSQL's name
     */
    static @Nullable Double seconds(int backendPid) throws IOException {
        Stat backend = Stat.of(PROC.resolve(Integer.toString(backendPid)));
        if (backend == null || !backend.name.startsWith("postgres")) {
            return null;
        }
        Stat first = Stat.of(PROC.resolve(backend.fields.get(PARENT)));
        if (first == null || !first.name.startsWith("postgres")) {
            return null;
        }
        long ticks = first.ticks(USER, SYSTEM, CHILDREN_USER, CHILDREN_SYSTEM);
        try (DirectoryStream<Path> processes = Files.newDirectoryStream(PROC, "[0-9]*")) {
            for (Path process : processes) {
                Stat stat = Stat.of(process);
                if (stat != null && stat.fields.get(PARENT).equals(backend.fields.get(PARENT))) {
                    ticks += stat.ticks(USER, SYSTEM);
                }
            }
        }
        return ticks / TICKS_PER_SECOND;
    }

    /** A line of {@code /proc/…/stat}: the name, which may hold anything, stands in brackets. */
    private record Stat(String name, List<String> fields) {

        static @Nullable Stat of(Path process) throws IOException {
            String line;
            try {
                line = Files.readString(process.resolve("stat"), StandardCharsets.ISO_8859_1);
            } catch (NoSuchFileException ended) {
                return null;
            } catch (IOException endedWhileRead) {
                if (Files.exists(process)) {
                    throw endedWhileRead;
                }
                return null;
            }
            int close = line.lastIndexOf(')');
            return new Stat(
                    line.substring(line.indexOf('(') + 1, close),
                    List.of(line.substring(close + 1).trim().split(" ")));
        }

        long ticks(int... which) {
            long sum = 0;
            for (int each : which) {
                sum += Long.parseLong(fields.get(each));
            }
            return sum;
        }
    }
}
