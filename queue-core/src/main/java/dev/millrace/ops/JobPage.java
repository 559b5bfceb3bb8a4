package dev.millrace.ops;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Some of the jobs that match, in order.
 *
 * @param next where the next page starts, for {@link PageRequest#after}; null on the last page. Where {@link PageRequest#reading} has ended it, a page
 *     may hold few jobs or none and have a next one
 */
public record JobPage(List<JobSummary> jobs, @Nullable String next) {}
