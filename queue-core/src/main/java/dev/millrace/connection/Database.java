package dev.millrace.connection;

import dev.millrace.migrations.SchemaName;
import java.net.URI;
import java.net.URLDecoder;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Properties;
import java.util.regex.Pattern;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;
import org.postgresql.Driver;
import org.postgresql.ds.PGSimpleDataSource;

/**
 * Which database the jobs live in and how to reach it. Immutable and safe for use by many threads; opens nothing by
 * itself. {@link #toString()} and all messages show host and database, never user-given parameters or the password.
 */
public final class Database {

    /** Connections in the work lane where nothing else is said; the process uses at most two more. */
    public static final int DEFAULT_POOL_SIZE = 10;

    /** Hosts with ports, none of them with credentials before it; or no host at all, which means localhost. */
    private static final Pattern JDBC = Pattern.compile(
            "jdbc:postgresql:(//[^/?@:]*(:\\d{0,5})?(,[^/?@:]*(:\\d{0,5})?)*/|//\\[[^/?@]*\\](:\\d{0,5})?/)?[^/?@]*(\\?.*)?");

    private static final Pattern INSTANCE = Pattern.compile("[\\x21-\\x7e]{1,32}");

    /** Where a server is and who logs in there; null fields where the application's data source knows. */
    private record Address(
            String url, String user, @Nullable String password, String display) {

        Properties credentials() {
            Properties properties = new Properties();
            properties.setProperty("user", user);
            if (password != null) {
                properties.setProperty("password", password);
            }
            return properties;
        }
    }

    private final @Nullable Address address;
    private final @Nullable Address direct;
    private final @Nullable DataSource adopted;
    private final SchemaName schema;
    private final int poolSize;
    private final String instance;
    private final boolean behindPooler;
    private final Timeouts timeouts;

    private Database(
            @Nullable Address address,
            @Nullable Address direct,
            @Nullable DataSource adopted,
            SchemaName schema,
            int poolSize,
            String instance,
            boolean behindPooler,
            Timeouts timeouts) {
        this.address = address;
        this.direct = direct;
        this.adopted = adopted;
        this.schema = schema;
        this.poolSize = poolSize;
        this.instance = instance;
        this.behindPooler = behindPooler;
        this.timeouts = timeouts;
    }

    /**
     * A database by URL, with schema {@code millrace} and a pool of {@value #DEFAULT_POOL_SIZE}.
     *
     * @param url the JDBC form {@code jdbc:postgresql://host:port/db?user=…&password=…} or the form of libpq
     *     {@code postgresql://user:password@host:port/db?sslmode=…}; several hosts are separated by commas
     * @throws IllegalArgumentException if the URL is of neither form; the message does not repeat it, since it may hold
     *     a password
     */
    public static Database of(String url) {
        return new Database(
                address(url),
                null,
                null,
                SchemaName.DEFAULT,
                DEFAULT_POOL_SIZE,
                Long.toString(ProcessHandle.current().pid()),
                false,
                Timeouts.DEFAULT);
    }

    /**
     * The database that the application's own data source leads to. It is used and never closed; two of its connections are
     * kept for as long as the worker or client lives (control and listener), and one more for each operation under way. The
     * connections must be pgjdbc's or unwrap to them, else notifications are replaced by polling.
     *
     * <p>What can't be promised here: the sockets are out of reach, so a connection that hangs is freed by the network timeout
     * and not by the watchdog; under TLS ending it can take as long as the network does. Session limits, keep-alive and
     * {@code application_name} are as the application sets them. The data source's own wait for a connection delays
     * operations, and leases if it holds fewer connections than the application and this library together use.
     */
    public static Database adopt(DataSource dataSource) {
        return new Database(
                null,
                null,
                Objects.requireNonNull(dataSource, "dataSource"),
                SchemaName.DEFAULT,
                DEFAULT_POOL_SIZE,
                Long.toString(ProcessHandle.current().pid()),
                false,
                Timeouts.DEFAULT);
    }

    private static Address address(String url) {
        Objects.requireNonNull(url, "url");
        String jdbc = isLibpq(url) ? fromLibpq(url) : url;
        // The driver logs what it does not understand, so what may hold a password must not get there.
        Properties parsed = JDBC.matcher(jdbc).matches() ? Driver.parseURL(jdbc, new Properties()) : null;
        if (parsed == null || isBlank(parsed.getProperty("PGDBNAME")) || holdsMisplacedCredentials(parsed)) {
            throw notUnderstood();
        }
        String user = parsed.getProperty("user");
        String host = parsed.getProperty("PGHOST", "localhost");
        String display = host + ":" + parsed.getProperty("PGPORT", "5432") + "/" + parsed.getProperty("PGDBNAME");
        String plain = withoutCredentials(jdbc);
        if (host.contains(",") && parsed.getProperty("targetServerType") == null) {
            // Jobs can only be written on the primary, so with several hosts no other is meant.
            plain += (plain.contains("?") ? "&" : "?") + "targetServerType=primary";
        }
        return new Address(
                plain, isBlank(user) ? System.getProperty("user.name") : user, parsed.getProperty("password"), display);
    }

    /**
     * The same database with another user and password, which win over what the URL says.
     *
     * @throws IllegalStateException if it is an application's data source
     */
    public Database withCredentials(String user, @Nullable String password) {
        Objects.requireNonNull(user, "user");
        Address current = byUrl("Credentials");
        Address changed = new Address(current.url(), user, password, current.display());
        return new Database(changed, direct, null, schema, poolSize, instance, behindPooler, timeouts);
    }

    /**
     * The same database, which the URL reaches through a pooler in transaction mode such as PgBouncer: no statement is prepared
     * on the server and no state of a session assumed. A pooler is also noticed without this, but only after the first connect.
     */
    public Database withPooler() {
        return new Database(address, direct, adopted, schema, poolSize, instance, true, timeouts);
    }

    /**
     * The same database with a second URL that leads to the server itself, past the pooler: for listening, which a pooler in
     * transaction mode can't do, and for migrations.
     *
     * @throws IllegalArgumentException as {@link #of}
     */
    public Database withDirectUrl(String url) {
        return new Database(address, address(url), adopted, schema, poolSize, instance, behindPooler, timeouts);
    }

    /** The same database with other limits on connections; default {@link Timeouts#DEFAULT}. */
    public Database withTimeouts(Timeouts timeouts) {
        return new Database(address, direct, adopted, schema, poolSize, instance, behindPooler, timeouts);
    }

    /** The same database with the job tables in another schema; default {@code millrace}. */
    public Database withSchema(SchemaName schema) {
        return new Database(address, direct, adopted, schema, poolSize, instance, behindPooler, timeouts);
    }

    /**
     * The same database with another maximum of connections in the work lane, default {@value #DEFAULT_POOL_SIZE}. The
     * process uses at most two connections more than this: one for control and one that listens.
     *
     * @throws IllegalArgumentException outside 2 to 1,000
     */
    public Database withPoolSize(int poolSize) {
        if (poolSize < 2 || poolSize > 1_000) {
            throw new IllegalArgumentException("Pool size " + poolSize + " is out of range: 2 to 1000");
        }
        return new Database(address, direct, adopted, schema, poolSize, instance, behindPooler, timeouts);
    }

    /**
     * The same database under another name of this process, which shows in {@code application_name} as
     * {@code millrace/INSTANCE/ROLE#EPOCH}; default: the process id.
     *
     * @throws IllegalArgumentException unless it is 1 to 32 printable ASCII characters without spaces
     */
    public Database withInstance(String instance) {
        if (!INSTANCE.matcher(instance).matches()) {
            throw new IllegalArgumentException("Instance name '" + instance
                    + "' is not possible: use 1 to 32 printable ASCII characters without spaces");
        }
        return new Database(address, direct, adopted, schema, poolSize, instance, behindPooler, timeouts);
    }

    /** Of the job tables. */
    public SchemaName schema() {
        return schema;
    }

    /** Most connections for work; two more are used. */
    public int poolSize() {
        return poolSize;
    }

    /** Name of this process in {@code pg_stat_activity}. */
    public String instance() {
        return instance;
    }

    /** The ladder of limits. */
    public Timeouts timeouts() {
        return timeouts;
    }

    /**
     * Plain connections, one for each call, for migrations: they need sessions of their own and no limit on statements. With a
     * direct URL they are to the server itself.
     */
    public DataSource unpooled() {
        if (adopted != null && direct == null) {
            return adopted;
        }
        Address target = direct == null ? byUrl("Migrations") : direct;
        PGSimpleDataSource source = new PGSimpleDataSource();
        source.setUrl(target.url());
        source.setUser(target.user());
        source.setPassword(target.password());
        source.setApplicationName("millrace/" + instance + "/migrate");
        source.setConnectTimeout((int) timeouts.tcpConnect().toSeconds());
        source.setLoginTimeout((int) timeouts.connect().toSeconds());
        source.setTcpKeepAlive(true);
        return source;
    }

    /** The application's data source; null if the database is reached by URL. */
    @Nullable DataSource adopted() {
        return adopted;
    }

    boolean isBehindPooler() {
        return behindPooler;
    }

    /** Whether a link of this role goes past the pooler, if there is one. */
    boolean isDirect(boolean listening) {
        return listening && direct != null;
    }

    /** The URL without user and password, for the driver; the direct one for a listener where there is one. */
    String jdbcUrl(boolean listening) {
        return target(listening).url();
    }

    /** Fresh driver properties with the credentials. */
    Properties credentials(boolean listening) {
        return target(listening).credentials();
    }

    private Address target(boolean listening) {
        return listening && direct != null ? direct : byUrl("A connection");
    }

    private Address byUrl(String what) {
        if (address == null) {
            throw new IllegalStateException(what + " can't be had by URL: this is the application's data source");
        }
        return address;
    }

    /** Host, port and database: safe to show. */
    @Override
    public String toString() {
        return address == null ? "(application's data source)" : address.display();
    }

    private static IllegalArgumentException notUnderstood() {
        return new IllegalArgumentException(
                "The database URL is not understood: use jdbc:postgresql://HOST:PORT/DATABASE?user=…&password=… "
                        + "or postgresql://USER:PASSWORD@HOST:PORT/DATABASE");
    }

    private static boolean isLibpq(String url) {
        return url.startsWith("postgresql://") || url.startsWith("postgres://");
    }

    /** The JDBC form has no place for credentials before the host or behind the database: there they would be shown. */
    private static boolean holdsMisplacedCredentials(Properties parsed) {
        return parsed.getProperty("PGHOST", "").contains("@")
                || parsed.getProperty("PGPORT", "").contains("@")
                || parsed.getProperty("PGDBNAME", "").matches("(?i).*[;&,](user|password)=.*");
    }

    private static String fromLibpq(String url) {
        int start = url.indexOf("://") + 3;
        int query = url.indexOf('?', start);
        String authorityAndPath = url.substring(start, query < 0 ? url.length() : query);
        List<String> parameters = new ArrayList<>();
        if (query >= 0) {
            parameters.add(url.substring(query + 1));
        }
        int at = authorityAndPath.lastIndexOf('@');
        if (at >= 0) {
            String userInfo = authorityAndPath.substring(0, at);
            int colon = userInfo.indexOf(':');
            parameters.add("user=" + reencoded(colon < 0 ? userInfo : userInfo.substring(0, colon)));
            if (colon >= 0) {
                parameters.add("password=" + reencoded(userInfo.substring(colon + 1)));
            }
        }
        String hostAndPath = authorityAndPath.substring(at + 1);
        return "jdbc:postgresql://" + hostAndPath + (parameters.isEmpty() ? "" : "?" + String.join("&", parameters));
    }

    /** libpq percent-encodes; the driver decodes as a form, where a plus sign is a space. */
    private static String reencoded(String percentEncoded) {
        String decoded;
        try {
            decoded =
                    Objects.requireNonNullElse(URI.create("x:" + percentEncoded).getSchemeSpecificPart(), "");
        } catch (IllegalArgumentException notAUri) {
            decoded = decoded(percentEncoded);
        }
        return URLEncoder.encode(decoded, StandardCharsets.UTF_8);
    }

    /** The decoder's own message would show a part of the password. */
    private static String decoded(String percentEncoded) {
        try {
            return URLDecoder.decode(percentEncoded.replace("+", "%2B"), StandardCharsets.UTF_8);
        } catch (IllegalArgumentException badEscape) {
            throw notUnderstood();
        }
    }

    private static String withoutCredentials(String jdbc) {
        int query = jdbc.indexOf('?');
        if (query < 0) {
            return jdbc;
        }
        List<String> kept = new ArrayList<>();
        for (String parameter : jdbc.substring(query + 1).split("&", -1)) {
            if (!parameter.isEmpty() && !parameter.startsWith("user=") && !parameter.startsWith("password=")) {
                kept.add(parameter);
            }
        }
        return jdbc.substring(0, query) + (kept.isEmpty() ? "" : "?" + String.join("&", kept));
    }

    private static boolean isBlank(@Nullable String value) {
        return value == null || value.isBlank();
    }
}
