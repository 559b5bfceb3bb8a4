package dev.millrace.testing;

import dev.millrace.testing.WireStep.After;
import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** One session of a {@link WireServer}, on a thread of its own. */
final class WireSession {

    private static final int SSL_REQUEST = 80877103;
    private static final int GSS_REQUEST = 80877104;
    private static final int CANCEL_REQUEST = 80877102;
    private static final Map<String, String> PARAMETERS = Map.of(
            "server_version", "18.0",
            "server_encoding", "UTF8",
            "client_encoding", "UTF8",
            "DateStyle", "ISO, MDY",
            "integer_datetimes", "on",
            "standard_conforming_strings", "on",
            "TimeZone", "UTC");
    private static final Pattern PARAMETER = Pattern.compile("\\$(\\d+)");

    private record Portal(String query, List<WireStep> steps, int[] formats) {}

    private final WireServer server;
    private final Socket socket;
    private final Thread thread;
    private final Map<String, String> statements = new HashMap<>();
    private final Map<String, Portal> portals = new HashMap<>();
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final Object writeLock = new Object();
    private char status = 'I';
    private boolean idle;
    private volatile boolean silent;
    private boolean skipping;

    WireSession(WireServer server, Socket socket) {
        this.server = server;
        this.socket = socket;
        this.thread = new Thread(this::run, "wire-server-" + socket.getLocalPort() + "-session");
        thread.setDaemon(true);
    }

    Thread thread() {
        return thread;
    }

    boolean push(List<WireStep> steps) {
        synchronized (writeLock) {
            if (!idle || silent) {
                return false;
            }
            try {
                ByteArrayOutputStream bytes = new ByteArrayOutputStream();
                After after = After.READY;
                for (WireStep step : steps) {
                    if (!(step instanceof WireStep.Raw raw)) {
                        throw new IllegalArgumentException("a result that nobody asked for: " + step);
                    }
                    bytes.writeBytes(raw.bytes());
                    after = raw.after() == After.READY ? after : raw.after();
                }
                socket.getOutputStream().write(bytes.toByteArray());
                end(after);
                return true;
            } catch (IOException gone) {
                return false;
            }
        }
    }

    void reset() {
        try (socket) {
            socket.setSoLinger(true, 0);
        } catch (IOException alreadyGone) {
            // what was wanted
        }
    }

    private void run() {
        try (socket) {
            DataInputStream in = new DataInputStream(new BufferedInputStream(socket.getInputStream()));
            if (start(in)) {
                serve(in);
            }
        } catch (IOException clientOrServerGone) {
            // the session is over
        } finally {
            server.ended(this);
        }
    }

    private boolean start(DataInputStream in) throws IOException {
        while (true) {
            int length = in.readInt();
            int code = in.readInt();
            in.readFully(new byte[length - 8]);
            if (code == CANCEL_REQUEST) {
                return false;
            }
            if (code != SSL_REQUEST && code != GSS_REQUEST) {
                break;
            }
            socket.getOutputStream().write('N');
        }
        server.started();
        Optional<List<WireStep>> instead = server.rules().connect();
        if (instead.isPresent()) {
            return play("", instead.get(), new int[0], true);
        }
        emit(new WireMessage('R').int4(0));
        PARAMETERS.forEach((name, value) -> emit(new WireMessage('S').text(name).text(value)));
        emit(new WireMessage('K').int4(1).int4(1));
        ready();
        return true;
    }

    private void serve(DataInputStream in) throws IOException {
        for (int type = in.read(); type >= 0 && type != 'X'; type = in.read()) {
            byte[] bytes = new byte[in.readInt() - 4];
            in.readFully(bytes);
            synchronized (writeLock) {
                idle = false;
            }
            if (silent || (skipping && type != 'S')) {
                continue;
            }
            if (!handle((char) type, ByteBuffer.wrap(bytes))) {
                // Reading on lets the client see FIN and not RST.
                in.transferTo(OutputStream.nullOutputStream());
                return;
            }
        }
    }

    /** False if the session is over. */
    private boolean handle(char type, ByteBuffer in) throws IOException {
        switch (type) {
            case 'Q' -> {
                String query = text(in);
                boolean on = execute(query, null);
                if (on) {
                    ready();
                }
                return on;
            }
            case 'P' -> {
                statements.put(text(in), text(in));
                emit(new WireMessage('1'));
            }
            case 'B' -> bind(in);
            case 'D' -> describe(in);
            case 'E' -> {
                Portal portal = portals.get(text(in));
                return portal == null ? unknown() : execute(portal.query, portal);
            }
            case 'C' -> {
                (in.get() == 'S' ? statements : portals).remove(text(in));
                emit(new WireMessage('3'));
            }
            case 'H' -> flush();
            case 'S' -> {
                skipping = false;
                ready();
            }
            default -> unknown();
        }
        return true;
    }

    private boolean execute(String query, @Nullable Portal portal) throws IOException {
        server.executed(query);
        if (query.isBlank()) {
            emit(new WireMessage('I'));
            return true;
        }
        boolean simple = portal == null;
        List<WireStep> steps = simple ? server.rules().answer(query) : portal.steps;
        return play(query, steps, simple ? new int[0] : portal.formats, simple);
    }

    private void bind(ByteBuffer in) throws IOException {
        String portal = text(in);
        String query = statements.get(text(in));
        if (query == null) {
            unknown();
            return;
        }
        skip(in, 2 * in.getShort());
        for (int parameters = in.getShort(); parameters > 0; parameters--) {
            skip(in, Math.max(0, in.getInt()));
        }
        int[] formats = new int[in.getShort()];
        for (int i = 0; i < formats.length; i++) {
            formats[i] = in.getShort();
        }
        List<WireStep> steps = query.isBlank() ? List.of() : server.rules().answer(query);
        portals.put(portal, new Portal(query, steps, formats));
        emit(new WireMessage('2'));
    }

    private void describe(ByteBuffer in) throws IOException {
        boolean statement = in.get() == 'S';
        String name = text(in);
        List<WireStep> steps;
        int[] formats = {};
        if (statement) {
            String query = statements.get(name);
            if (query == null) {
                unknown();
                return;
            }
            int count = PARAMETER
                    .matcher(query)
                    .results()
                    .map(MatchResult::group)
                    .mapToInt(parameter -> Integer.parseInt(parameter.substring(1)))
                    .max()
                    .orElse(0);
            WireMessage types = new WireMessage('t').int2(count);
            for (int i = 0; i < count; i++) {
                types.int4(WireRows.TEXT);
            }
            emit(types);
            steps = query.isBlank() ? List.of() : server.rules().peek(query);
        } else {
            Portal portal = portals.get(name);
            if (portal == null) {
                unknown();
                return;
            }
            steps = portal.steps;
            formats = portal.formats;
        }
        int[] chosen = formats;
        emit(steps.stream()
                .filter(WireStep.Rows.class::isInstance)
                .map(WireStep.Rows.class::cast)
                .findFirst()
                .map(rows -> WireRows.description(rows, chosen))
                .orElseGet(() -> new WireMessage('n')));
    }

    private boolean play(String query, List<WireStep> steps, int[] formats, boolean simple) throws IOException {
        After after = After.READY;
        for (WireStep step : steps) {
            if (step instanceof WireStep.Raw raw) {
                out.writeBytes(raw.bytes());
                after = raw.after() == After.READY ? after : raw.after();
            } else if (step instanceof WireStep.Done done) {
                emit(new WireMessage('C').text(tag(done.tag())));
            } else if (step instanceof WireStep.Rows rows) {
                if (simple) {
                    emit(WireRows.description(rows, formats));
                }
                rows.values().forEach(row -> emit(WireRows.data(row, formats)));
                emit(new WireMessage('C').text(WireRows.tag(query, rows)));
            }
        }
        if (after == After.READY) {
            return true;
        }
        if (after == After.FAILED) {
            status = status == 'I' ? 'I' : 'E';
            skipping = !simple;
            return true;
        }
        synchronized (writeLock) {
            flush();
            end(after);
        }
        return after == After.SILENCE;
    }

    private void end(After after) throws IOException {
        switch (after) {
            case SILENCE -> silent = true;
            case FIN -> {
                silent = true;
                socket.shutdownOutput();
            }
            case RESET -> reset();
            case READY, FAILED -> {}
        }
    }

    /** The tag, and what it does to the transaction. */
    private String tag(String tag) {
        String verb = WireScript.verb(tag);
        boolean failed = status == 'E' && verb.equals("COMMIT");
        if (verb.equals("BEGIN") || verb.equals("START")) {
            status = 'T';
        } else if (verb.equals("COMMIT") || verb.equals("ROLLBACK")) {
            status = 'I';
        }
        return failed ? "ROLLBACK" : tag;
    }

    private boolean unknown() throws IOException {
        return play("", List.of(WireStep.error("08P01", "unknown message, statement or portal")), new int[0], false);
    }

    private void ready() throws IOException {
        emit(new WireMessage('Z').int1(status));
        synchronized (writeLock) {
            flush();
            idle = status == 'I';
        }
    }

    private void emit(WireMessage message) {
        out.writeBytes(message.bytes());
    }

    /** All that has gathered, in one write. */
    private void flush() throws IOException {
        byte[] bytes = out.toByteArray();
        out.reset();
        if (bytes.length > 0 && !silent) {
            socket.getOutputStream().write(bytes);
        }
    }

    private static void skip(ByteBuffer in, int bytes) {
        in.position(in.position() + bytes);
    }

    private static String text(ByteBuffer in) {
        int start = in.position();
        while (in.get() != 0) {
            // up to the terminator
        }
        return new String(in.array(), start, in.position() - 1 - start, StandardCharsets.UTF_8);
    }
}
