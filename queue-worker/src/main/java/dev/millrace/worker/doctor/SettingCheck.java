package dev.millrace.worker.doctor;

import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Settings of the server that a queue stands or falls with. */
record SettingCheck() implements Check {

    private static final long MIB = 1L << 20;

    @Override
    public String name() {
        return "settings";
    }

    @Override
    public List<Finding> look(Connection connection) throws SQLException {
        Settings settings = Settings.read(connection);
        List<Finding> findings = new ArrayList<>();
        if (settings.is("fsync", "off")) {
            findings.add(fail("fsync is off: a crash of the machine may lose or corrupt everything", "set fsync = on"));
        }
        if (settings.is("full_page_writes", "off")) {
            findings.add(fail("full_page_writes is off: a crash may corrupt tables", "set full_page_writes = on"));
        }
        if (settings.is("synchronous_commit", "off")) {
            findings.add(warn(
                    "synchronous_commit is off: a crash loses the jobs and outcomes of its last moments",
                    "set synchronous_commit = on, at least for this role"));
        }
        if (settings.is("autovacuum", "off") || settings.is("track_counts", "off")) {
            findings.add(fail(
                    "autovacuum does not run: dead rows pile up and claims become slow without end",
                    "set autovacuum = on and track_counts = on"));
        }
        if (settings.is("idle_in_transaction_session_timeout", "0")) {
            findings.add(warn(
                    "sessions of this role may be idle in a transaction for ever, with their locks and snapshot",
                    "ALTER ROLE … SET idle_in_transaction_session_timeout = '10s'"));
        }
        if (!settings.is("default_transaction_isolation", "read committed")) {
            findings.add(warn(
                    "default_transaction_isolation is " + settings.text("default_transaction_isolation")
                            + ": workers fail with 40001 where they would skip",
                    "ALTER ROLE … SET default_transaction_isolation = 'read committed'"));
        }
        if (settings.bytes("shared_buffers") < 128 * MIB) {
            findings.add(
                    warn("shared_buffers is " + settings.shown("shared_buffers"), "a quarter of the memory is usual"));
        }
        if (settings.bytes("max_wal_size") < 1024 * MIB) {
            findings.add(warn(
                    "max_wal_size is " + settings.shown("max_wal_size") + ": a busy queue checkpoints all the time",
                    "set max_wal_size to 1GB or more"));
        }
        if (settings.known("old_snapshot_threshold") && !settings.is("old_snapshot_threshold", "-1")) {
            findings.add(warn(
                    "old_snapshot_threshold is set: long reads of jobs may fail with 'snapshot too old'",
                    "set old_snapshot_threshold = -1"));
        }
        if (findings.isEmpty()) {
            findings.add(Finding.ok(
                    name(),
                    "fsync, synchronous_commit, autovacuum are on; shared_buffers " + settings.shown("shared_buffers")
                            + ", max_wal_size " + settings.shown("max_wal_size")));
        }
        return findings;
    }

    private Finding warn(String found, String advice) {
        return Finding.warn(name(), found, advice);
    }

    private Finding fail(String found, String advice) {
        return Finding.fail(name(), found, advice);
    }

    /** As they are in this session; sizes in bytes besides. */
    private record Settings(Map<String, String> texts, Map<String, Long> sizes, Map<String, String> pretty) {

        static Settings read(Connection connection) throws SQLException {
            Settings settings = new Settings(new HashMap<>(), new HashMap<>(), new HashMap<>());
            try (Statement statement = connection.createStatement();
                    ResultSet row = statement.executeQuery("""
                            SELECT name, setting, current_setting(name) AS pretty,
                                CASE WHEN name IN ('shared_buffers', 'max_wal_size')
                                    THEN pg_size_bytes(current_setting(name)) END AS bytes
                            FROM pg_settings
                            WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit', 'autovacuum', 'track_counts',
                                'idle_in_transaction_session_timeout', 'default_transaction_isolation',
                                'old_snapshot_threshold', 'shared_buffers', 'max_wal_size')
                            """)) {
                while (row.next()) {
                    settings.texts.put(row.getString("name"), row.getString("setting"));
                    settings.sizes.put(row.getString("name"), row.getLong("bytes"));
                    settings.pretty.put(row.getString("name"), row.getString("pretty"));
                }
            }
            return settings;
        }

        boolean known(String name) {
            return texts.containsKey(name);
        }

        boolean is(String name, String value) {
            return value.equals(texts.get(name));
        }

        String text(String name) {
            return String.valueOf(texts.get(name));
        }

        String shown(String name) {
            return String.valueOf(pretty.get(name));
        }

        long bytes(String name) {
            return sizes.getOrDefault(name, Long.MAX_VALUE);
        }
    }
}
