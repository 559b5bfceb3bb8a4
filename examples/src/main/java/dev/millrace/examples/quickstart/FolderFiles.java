package dev.millrace.examples.quickstart;

import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The regular files below a folder, in the order of their paths. Links are not followed.
 *
 * @param folder absolute, without links
 * @param files absolute paths
 * @param unreadableFolders number of folders that could not be looked into
 */
record FolderFiles(Path folder, List<Path> files, int unreadableFolders) {

    /**
     * @param skipped names of folders to pass over
     * @throws QuickstartException if it is no folder, or can't be read
     */
    static FolderFiles in(Path folder, Set<String> skipped) throws QuickstartException {
        if (!Files.exists(folder)) {
            throw bad(folder, "does not exist", null);
        }
        if (!Files.isDirectory(folder)) {
            throw bad(folder, "is not a folder", null);
        }
        if (!Files.isReadable(folder) || !Files.isExecutable(folder)) {
            throw bad(folder, "can't be read by this user", null);
        }
        try {
            Visitor visitor = new Visitor(skipped);
            Path real = folder.toRealPath();
            Files.walkFileTree(real, visitor);
            return new FolderFiles(real, visitor.files.stream().sorted().toList(), visitor.unreadable);
        } catch (IOException e) {
            throw bad(folder, "can't be read: " + e, e);
        }
    }

    private static QuickstartException bad(Path folder, String why, @Nullable Throwable cause) {
        return new QuickstartException(
                QuickstartException.USAGE, "Folder '" + folder + "' " + why + ": name a folder of files.", cause);
    }

    private static final class Visitor extends SimpleFileVisitor<Path> {

        private final Set<String> skipped;
        private final List<Path> files = new ArrayList<>();
        private int unreadable;

        Visitor(Set<String> skipped) {
            this.skipped = skipped;
        }

        @Override
        public FileVisitResult preVisitDirectory(Path directory, BasicFileAttributes attributes) {
            Path name = directory.getFileName();
            return name != null && skipped.contains(name.toString())
                    ? FileVisitResult.SKIP_SUBTREE
                    : FileVisitResult.CONTINUE;
        }

        @Override
        public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
            if (attributes.isRegularFile()) {
                files.add(file);
            }
            return FileVisitResult.CONTINUE;
        }

        /** A folder without permission, or something that went away in between. */
        @Override
        public FileVisitResult visitFileFailed(Path path, IOException failure) {
            if (Files.isDirectory(path)) {
                unreadable++;
            }
            return FileVisitResult.CONTINUE;
        }

        @Override
        public FileVisitResult postVisitDirectory(Path directory, @Nullable IOException failure) {
            if (failure != null) {
                unreadable++;
            }
            return FileVisitResult.CONTINUE;
        }
    }
}
