package dev.millrace.testing.self;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.millrace.testing.SmallDisk;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class SmallDiskTest {

    @BeforeEach
    void needsADisk() {
        SmallDisk.assumeAvailable();
    }

    @Test
    void fullDisk_refuses_untilItIsFreed() throws IOException {
        try (SmallDisk disk = SmallDisk.ofMegabytes(2)) {
            Path file = disk.path().resolve("file");
            disk.fill();
            assertThatThrownBy(() -> Files.write(file, new byte[10_000]))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("No space left");
            disk.free();
            Files.write(file, new byte[10_000]);
            assertThat(file).hasSize(10_000);
        }
    }

    @Test
    void close_leavesNothing_andMayBeCalledTwice() throws IOException {
        SmallDisk disk = SmallDisk.ofMegabytes(1);
        Path path = disk.path();
        assertThat(Files.readString(Path.of("/proc/mounts"))).contains(path.toString());
        disk.close();
        disk.close();
        assertThat(Files.readString(Path.of("/proc/mounts"))).doesNotContain(path.toString());
        assertThat(path).doesNotExist();
    }
}
