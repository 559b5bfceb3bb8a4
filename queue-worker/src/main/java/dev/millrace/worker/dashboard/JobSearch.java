package dev.millrace.worker.dashboard;

import dev.millrace.error.MillraceException;
import dev.millrace.job.JobState;
import dev.millrace.ops.JobFilter;
import dev.millrace.ops.JobOrder;
import dev.millrace.ops.PageRequest;
import dev.millrace.worker.http.BadRequestException;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.LocalDateTime;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BiFunction;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.json.JsonMapper;

/**
 * What the page of jobs is asked for, as it stands in its address and in the forms that act on what it shows. Immutable: the address
 * says all, so it can be kept and sent to others.
 */
final class JobSearch {

    /** Names of its parameters, in the order of the address. */
    private static final List<String> NAMES = List.of(
            "state", "kind", "queue", "tag", "args", "error", "worker", "time", "from", "before", "id_to", "order");

    private static final List<String> TIMES = List.of("created", "due", "ended");

    /** Not by due time: of many jobs that are due at one moment a page would have to sort all. */
    private static final List<String> ORDERS = List.of("newest", "oldest");

    private final Map<String, List<String>> given;
    private final JobFilter filter;

    private JobSearch(Map<String, List<String>> given) {
        this.given = given;
        this.filter = filter(given);
    }

    /**
     * Reads parameters; those of other names are left alone, and empty ones are none.
     *
     * @throws BadRequestException for a value that can't be; the message says what may
     */
    static JobSearch of(Map<String, List<String>> parameters) {
        Map<String, List<String>> given = new LinkedHashMap<>();
        for (String name : NAMES) {
            List<String> values = parameters.getOrDefault(name, List.of()).stream()
                    .map(String::strip)
                    .filter(value -> !value.isEmpty())
                    .distinct()
                    .toList();
            if (!values.isEmpty()) {
                given.put(name, values);
            }
        }
        if (!given.containsKey("from") && !given.containsKey("before")) {
            given.remove("time");
        }
        return new JobSearch(given);
    }

    JobFilter filter() {
        return filter;
    }

    /** Whether a condition is given; an order is none. */
    boolean isNarrowed() {
        return given.keySet().stream().anyMatch(name -> !name.equals("order"));
    }

    /**
     * The page of that place.
     *
     * @throws BadRequestException if it is none
     */
    PageRequest page(int size, int reading, @Nullable String after) {
        JobOrder order = one("order").orElse("newest").equals("oldest") ? JobOrder.OLDEST_FIRST : JobOrder.NEWEST_FIRST;
        PageRequest first = PageRequest.FIRST.size(size).reading(reading).order(order);
        if (after == null) {
            return first;
        }
        // A place by due time would bring that order with it.
        if (after.startsWith("d")) {
            throw new BadRequestException("after: '" + after + "' is not the place of a page");
        }
        try {
            return first.after(after);
        } catch (IllegalArgumentException noPlace) {
            throw new BadRequestException("after: " + noPlace.getMessage());
        }
    }

    /** The first value of a parameter, as given. */
    Optional<String> one(String name) {
        return all(name).stream().findFirst();
    }

    List<String> all(String name) {
        return given.getOrDefault(name, List.of());
    }

    /** One name and value, as a hidden field has them. */
    record Field(String name, String value) {}

    /** All that is given, for forms. */
    List<Field> fields() {
        List<Field> fields = new ArrayList<>();
        given.forEach((name, values) -> values.forEach(value -> fields.add(new Field(name, value))));
        return fields;
    }

    /** All that is given, as the query of an address: empty, or to be put behind a question mark. */
    String query() {
        return fields().stream()
                .map(field -> field.name() + "=" + encoded(field.value()))
                .collect(Collectors.joining("&"));
    }

    /** The same with one parameter more, or another value of it. */
    JobSearch with(String name, String value) {
        Map<String, List<String>> changed = new LinkedHashMap<>(given);
        changed.put(name, List.of(value));
        return of(changed);
    }

    /** All conditions, for people and for the audit log. */
    String words() {
        String words = fields().stream()
                .filter(field -> !field.name().equals("order"))
                .map(field -> field.name() + " " + field.value())
                .collect(Collectors.joining(", "));
        return words.isEmpty() ? "all jobs" : words;
    }

    static String encoded(String value) {
        return URLEncoder.encode(value, StandardCharsets.UTF_8);
    }

    private static JobFilter filter(Map<String, List<String>> given) {
        try {
            JobFilter filter = JobFilter.ALL
                    .states(states(given.getOrDefault("state", List.of())))
                    .kinds(given.getOrDefault("kind", List.of()).toArray(String[]::new))
                    .queues(given.getOrDefault("queue", List.of()).toArray(String[]::new))
                    .allTags(given.getOrDefault("tag", List.of()).toArray(String[]::new));
            filter = apply(filter, given, "args", (f, value) -> f.argsContain(requireJson(value)));
            filter = apply(filter, given, "error", JobFilter::errorContains);
            filter = apply(filter, given, "worker", JobFilter::attemptedBy);
            filter = apply(filter, given, "id_to", (f, value) -> f.idTo(requireId(value)));
            String time = require("time", TIMES, given, "created");
            require("order", ORDERS, given, "newest");
            filter = apply(filter, given, "from", (f, value) -> from(f, time, requireMoment("from", value)));
            return apply(filter, given, "before", (f, value) -> before(f, time, requireMoment("before", value)));
        } catch (BadRequestException told) {
            throw told;
        } catch (IllegalArgumentException | MillraceException refused) {
            throw new BadRequestException(String.valueOf(refused.getMessage()));
        }
    }

    private static JobFilter apply(
            JobFilter filter,
            Map<String, List<String>> given,
            String name,
            BiFunction<JobFilter, String, JobFilter> condition) {
        List<String> values = given.getOrDefault(name, List.of());
        if (values.size() > 1) {
            throw new BadRequestException(name + " is given " + values.size() + " times: give it once");
        }
        return values.isEmpty() ? filter : condition.apply(filter, values.get(0));
    }

    private static JobState[] states(List<String> names) {
        return names.stream().map(JobState::ofSql).toArray(JobState[]::new);
    }

    private static String require(
            String name, List<String> allowed, Map<String, List<String>> given, String otherwise) {
        String value = given.getOrDefault(name, List.of(otherwise)).get(0);
        if (!allowed.contains(value)) {
            throw new BadRequestException(name + ": '" + value + "' is none of " + String.join(", ", allowed));
        }
        return value;
    }

    private static String requireJson(String text) {
        try {
            JsonMapper.shared().readTree(text);
            return text;
        } catch (JacksonException notJson) {
            throw new BadRequestException("args: not JSON; write such as {\"to\": \"a@example.com\"}");
        }
    }

    private static long requireId(String text) {
        try {
            return Long.parseLong(text);
        } catch (NumberFormatException notANumber) {
            throw new BadRequestException("id_to: '" + text + "' is not the id of a job");
        }
    }

    /** As browsers send a moment without zone, which is taken as UTC, or with an offset. */
    static Instant requireMoment(String name, String text) {
        try {
            return text.matches(".*(Z|[+-]\\d\\d:\\d\\d)")
                    ? OffsetDateTime.parse(text).toInstant()
                    : LocalDateTime.parse(text).toInstant(ZoneOffset.UTC);
        } catch (DateTimeParseException notAMoment) {
            throw new BadRequestException(name + ": '" + text
                    + "' is not a moment; write 2027-01-31T12:00 (UTC) or 2027-01-31T12:00:00+01:00");
        }
    }

    private static JobFilter from(JobFilter filter, String time, Instant moment) {
        return switch (time) {
            case "created" -> filter.createdFrom(moment);
            case "due" -> filter.scheduledFrom(moment);
            default -> filter.finalizedFrom(moment);
        };
    }

    private static JobFilter before(JobFilter filter, String time, Instant moment) {
        return switch (time) {
            case "created" -> filter.createdBefore(moment);
            case "due" -> filter.scheduledBefore(moment);
            default -> filter.finalizedBefore(moment);
        };
    }
}
