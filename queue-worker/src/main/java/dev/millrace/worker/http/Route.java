package dev.millrace.worker.http;

import java.net.URI;
import java.util.function.Function;

/**
 * What is answered to GET and HEAD of one path.
 *
 * @param path exactly this
 * @param get makes the answer, quickly and on any thread, from the address asked for
 */
public record Route(String path, Function<URI, Reply> get) {}
