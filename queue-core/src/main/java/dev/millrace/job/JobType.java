package dev.millrace.job;

import java.lang.reflect.Type;
import java.util.Objects;
import java.util.function.UnaryOperator;

/**
 * Ties a kind, the stable name of a sort of job in the database, to the Java type of its arguments. Producer and handler
 * share one constant of it; renaming the Java type does no harm to jobs that wait. Immutable.
 *
 * @param <A> type of the arguments: a record, or anything the {@link ArgsCodec} can read and write
 */
public final class JobType<A> {

    private static final int MAX_KIND = 128;

    private final String kind;
    private final Type argsType;
    private final EnqueueOptions defaults;

    private JobType(String kind, Type argsType, EnqueueOptions defaults) {
        this.kind = requireKind(kind);
        this.argsType = Objects.requireNonNull(argsType, "argsType");
        this.defaults = defaults;
    }

    /**
     * A type with the default options.
     *
     * @throws IllegalArgumentException unless the kind has 1 to 128 characters
     */
    public static <A> JobType<A> of(String kind, Class<A> argsType) {
        return new JobType<>(kind, argsType, EnqueueOptions.DEFAULTS);
    }

    /** For generic arguments, such as the type of a {@code List<String>}; the caller vouches that it fits {@code A}. */
    public static <A> JobType<A> ofGeneric(String kind, Type argsType) {
        return new JobType<>(kind, argsType, EnqueueOptions.DEFAULTS);
    }

    /** The same type with options that hold wherever a job is enqueued without saying otherwise. */
    public JobType<A> withDefaults(UnaryOperator<EnqueueOptions> options) {
        return new JobType<>(kind, argsType, options.apply(defaults));
    }

    /** The word that names the kind in the database. */
    public String kind() {
        return kind;
    }

    /** What arguments are encoded from and decoded to. */
    public Type argsType() {
        return argsType;
    }

    /** Options of each job of the type, unless the caller changes them. */
    public EnqueueOptions defaults() {
        return defaults;
    }

    /**
     * The rule for kinds, for whoever takes one as text.
     *
     * @throws IllegalArgumentException unless it has 1 to 128 characters and no NUL
     */
    public static String requireKind(String kind) {
        return requireName("Kind", kind, MAX_KIND);
    }

    static String requireName(String what, String name, int max) {
        int length = name.codePointCount(0, name.length());
        if (length < 1 || length > max || name.indexOf('\0') >= 0) {
            throw new IllegalArgumentException(what + " '" + name.replace("\0", "\\0") + "' is not possible: use 1 to "
                    + max + " characters, no NUL");
        }
        return name;
    }

    @Override
    public String toString() {
        return kind;
    }
}
