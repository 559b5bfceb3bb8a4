package dev.millrace.worker.doctor;

import dev.millrace.worker.doctor.Finding.Level;
import java.util.List;

/**
 * What a {@link Doctor} found, in the order of its checks. Immutable.
 *
 * @param database host, port and name; no user and no password
 * @param schema schema of the job tables
 * @param findings at least one for each check
 */
public record Report(String database, String schema, List<Finding> findings) {

    public Report {
        findings = List.copyOf(findings);
    }

    /** How many findings are of this level. */
    public long count(Level level) {
        return findings.stream().filter(finding -> finding.level() == level).count();
    }

    /** Whether nothing failed; warnings do not count. */
    public boolean isFit() {
        return count(Level.FAIL) == 0;
    }
}
