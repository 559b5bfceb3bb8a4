package dev.millrace.examples;

import dev.millrace.connection.Database;
import dev.millrace.connection.Timeouts;
import dev.millrace.worker.Worker;
import java.time.Duration;
import javax.sql.DataSource;

/** What docs/tuning.md and docs/pgbouncer-and-failover.md show. Stateless. */
final class TuningSamples {

    private TuningSamples() {}

    static Worker tuned(String url) {
        return Worker.builder(Database.of(url).withPoolSize(6).withInstance("mail-1"))
                .handlers(new ExampleHandlers())
                .queue("mail", 50)
                .queue("reports", 2, q -> q.lowestShare(0.1))
                .lease(Duration.ofSeconds(15))
                .grace(Duration.ofMinutes(1))
                .build();
    }

    static Database behindAPooler() {
        return Database.of("jdbc:postgresql://pooler:6432/app")
                .withPooler()
                .withDirectUrl("jdbc:postgresql://db:5432/app");
    }

    static Database failover() {
        return Database.of("jdbc:postgresql://db-1,db-2/app").withTimeouts(Timeouts.FAST);
    }

    static Database yourOwnPool(DataSource dataSource) {
        return Database.adopt(dataSource);
    }
}
