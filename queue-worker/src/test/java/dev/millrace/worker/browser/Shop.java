package dev.millrace.worker.browser;

import dev.millrace.Millrace;
import dev.millrace.connection.Database;
import dev.millrace.job.JobType;
import dev.millrace.job.RetryPolicy;
import dev.millrace.periodic.PeriodicJob;
import dev.millrace.periodic.Schedule;
import dev.millrace.testing.TestDatabase;
import dev.millrace.worker.Worker;
import dev.millrace.worker.handler.Result;
import dev.millrace.worker.handler.RunningJob;
import java.time.Duration;
import java.time.ZoneId;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

/**
 * The jobs of a web shop, in every state: two workers, four queues, a day of history, periodic jobs, one job that runs until
 * the shop closes, and on demand a steady flow of new ones. What each test and each picture of the dashboard shows.
 */
final class Shop implements AutoCloseable {

    record Email(String to, String template, int order) {}

    record Image(String path, int width) {}

    record Charge(int order, int cents, String currency) {}

    record Import(String feed, int rows) {}

    record Report(String name) {}

    static final JobType<Email> SEND_EMAIL =
            JobType.of("send_email", Email.class).withDefaults(o -> o.queue("mail"));
    static final JobType<Image> RESIZE_IMAGE =
            JobType.of("resize_image", Image.class).withDefaults(o -> o.queue("media"));
    static final JobType<Charge> CHARGE_CARD = JobType.of("charge_card", Charge.class)
            .withDefaults(o -> o.queue("billing").priority(1).maxAttempts(5));
    static final JobType<Import> IMPORT_PRODUCTS =
            JobType.of("import_products", Import.class).withDefaults(o -> o.tags("import", "nightly"));
    static final JobType<Report> DAILY_REPORT = JobType.of("daily_report", Report.class);

    /** What was, and what waits for later: by arithmetic, so that every run shows the same. */
    private static final String HISTORY = """
            TRUNCATE job, queue, worker, leader, unique_key, periodic;

            INSERT INTO job (state, kind, queue, args, priority, attempt, created_at, scheduled_at, attempted_at, finalized_at,
                             attempted_by, output)
            SELECT 'completed', kind, queue, args, 2, 1, at, at, at + wait, at + wait + run, 'web-1', output
            FROM generate_series(1, 600) AS n
            CROSS JOIN LATERAL (SELECT clock_timestamp() - n * interval '140 s' AS at,
                                       (n % 17) * interval '3 ms' AS wait, (10 + n % 90) * interval '1 ms' AS run) AS moments
            CROSS JOIN LATERAL (
                SELECT * FROM (VALUES
                    (0, 'send_email', 'mail', jsonb_build_object('to', 'customer' || n || '@example.com', 'template',
                        'order_confirmed', 'order', 10000 + n), jsonb_build_object('message', 'm-' || n)),
                    (1, 'resize_image', 'media', jsonb_build_object('path', 'products/' || n || '.jpg', 'width', 640), NULL),
                    (2, 'charge_card', 'billing', jsonb_build_object('order', 10000 + n, 'cents', 900 + n * 7, 'currency', 'EUR'),
                        jsonb_build_object('authorisation', 'A' || n * 31))) AS sorts (sort, kind, queue, args, output)
                WHERE sort = n % 3) AS sorts;

            INSERT INTO job (state, kind, queue, args, priority, attempt, max_attempts, created_at, scheduled_at, attempted_at,
                             finalized_at, attempted_by, tags, errors)
            SELECT CASE WHEN n <= 5 THEN 'discarded' ELSE 'retryable' END, 'charge_card', 'billing',
                   jsonb_build_object('order', 12000 + n, 'cents', 4990 + n, 'currency', 'EUR'), 1,
                   CASE WHEN n <= 5 THEN 5 ELSE 3 END, 5, at, CASE WHEN n <= 5 THEN at ELSE clock_timestamp() + n * interval '7 min' END,
                   at + interval '4 min', CASE WHEN n <= 5 THEN at + interval '4 min' END, 'web-2', ARRAY['checkout'],
                   (SELECT jsonb_agg(jsonb_build_object('attempt', attempt, 'at', at + attempt * interval '48 s', 'worker', 'web-2',
                           'type', 'com.example.shop.PaymentDeclinedException', 'message', 'Card declined: insufficient funds',
                           'trace', E'com.example.shop.PaymentDeclinedException: Card declined: insufficient funds\\n'
                           '\\tat com.example.shop.PaymentGateway.charge(PaymentGateway.java:84)\\n'
                           '\\tat com.example.shop.ChargeCard.handle(ChargeCard.java:31)\\n'
                           'Caused by: java.net.http.HttpTimeoutException: request timed out\\n'
                           '\\tat java.net.http/jdk.internal.net.http.ResponseTimerEvent.handle(ResponseTimerEvent.java:63)')
                           ORDER BY attempt)
                    FROM generate_series(1, CASE WHEN n <= 5 THEN 5 ELSE 3 END) AS attempt)
            FROM generate_series(1, 9) AS n, LATERAL (SELECT clock_timestamp() - n * interval '1 h 7 min' AS at) AS moment;

            INSERT INTO job (state, kind, queue, args, created_at, scheduled_at)
            SELECT 'scheduled', 'send_email', 'mail', jsonb_build_object('to', 'customer' || n || '@example.com', 'template',
                   'cart_reminder', 'order', 13000 + n), clock_timestamp(), clock_timestamp() + n * interval '11 min'
            FROM generate_series(1, 40) AS n;

            INSERT INTO job (state, kind, queue, args, attempt, created_at, finalized_at, tags)
            SELECT 'cancelled', 'import_products', 'default', jsonb_build_object('feed', 'supplier-' || n, 'rows', n * 1000), 0,
                   clock_timestamp() - n * interval '2 h', clock_timestamp() - n * interval '1 h', ARRAY['import', 'nightly']
            FROM generate_series(1, 3) AS n;

            INSERT INTO job (kind, queue, args, tags)
            SELECT 'resize_image', 'archive', jsonb_build_object('path', 'archive/' || n || '.tif', 'width', 2000), ARRAY['batch']
            FROM generate_series(1, 250) AS n;
            """;

    private final CountDownLatch closing = new CountDownLatch(1);
    private final Deque<Runnable> open = new ArrayDeque<>();
    private final Database database;
    private final Millrace millrace;
    private final Worker worker;
    private final long runningJob;

    /** Empties the database first; returns with the workers started. */
    Shop(TestDatabase test) {
        database = Database.of(test.url());
        test.execute(HISTORY);
        millrace = Millrace.connect(database);
        open.push(millrace::close);
        millrace.queues().pause("archive");
        worker = opened(newWorker()
                .queue("default", 8)
                .queue("mail", 20)
                .queue("media", 4)
                .build());
        Worker second = opened(newWorker()
                .queue("mail", 20)
                .queue("billing", 5)
                .queue("archive", 2)
                .build());
        millrace.periodic()
                .add(PeriodicJob.of(
                        "cleanup", Schedule.every(Duration.ofMinutes(15)), DAILY_REPORT, new Report("cleanup")));
        millrace.periodic()
                .add(PeriodicJob.of(
                        "import",
                        Schedule.cron("30 2 * * *", ZoneId.of("Europe/Berlin")),
                        IMPORT_PRODUCTS,
                        new Import("all", 1_000)));
        millrace.periodic().disable("import");
        worker.start();
        second.start();
        runningJob = millrace.enqueue(IMPORT_PRODUCTS, new Import("supplier-7", 48_211));
    }

    private Worker.Builder newWorker() {
        return Worker.builder(database)
                .grace(Duration.ofSeconds(5))
                .handleResult(SEND_EMAIL, (job, email) -> {
                    work(5 + email.order() % 20);
                    return Result.done(Map.of("message", "m-" + job.id()));
                })
                .handle(RESIZE_IMAGE, (job, image) -> work(20 + job.id() % 60))
                .handle(
                        CHARGE_CARD,
                        this::charge,
                        RetryPolicy.exponential(Duration.ofMinutes(1), 2, Duration.ofHours(1)))
                .handle(IMPORT_PRODUCTS, (job, feed) -> importProducts())
                .handle(DAILY_REPORT, (job, report) -> work(200))
                .periodic(PeriodicJob.of(
                        "report",
                        Schedule.cron("0 9 * * MON-FRI", ZoneId.of("Europe/Berlin")),
                        DAILY_REPORT,
                        new Report("sales")));
    }

    private void charge(RunningJob job, Charge charge) throws InterruptedException {
        work(15 + charge.cents() % 30);
        if (charge.order() % 23 == 0) {
            throw new IllegalStateException("Card declined: insufficient funds for order " + charge.order());
        }
    }

    private void importProducts() throws InterruptedException {
        // Runs for as long as somebody wants to look at it.
        work(TimeUnit.HOURS.toMillis(1));
    }

    /** Takes so many milliseconds, or until the shop closes. */
    private void work(long millis) throws InterruptedException {
        boolean closed = closing.await(millis, TimeUnit.MILLISECONDS);
        if (closed) {
            throw new InterruptedException("the shop closes");
        }
    }

    Worker worker() {
        return worker;
    }

    Millrace millrace() {
        return millrace;
    }

    /** The import that runs until the shop closes. */
    long runningJob() {
        return runningJob;
    }

    /** From now on new orders come in, ten to seventy a second, up and down within three minutes, each with three jobs. */
    void openDoors() {
        ScheduledExecutorService orders = Executors.newSingleThreadScheduledExecutor(task -> {
            Thread thread = new Thread(task, "shop-orders");
            thread.setDaemon(true);
            return thread;
        });
        open.push(orders::shutdownNow);
        int[] tick = {0};
        orders.scheduleAtFixedRate(() -> order(tick[0]++), 0, 100, TimeUnit.MILLISECONDS);
    }

    private void order(int tick) {
        long wave = Math.round(4 + 3 * Math.sin(tick / 250.0));
        for (int i = 0; i < wave; i++) {
            int order = 20_000 + tick * 10 + i;
            millrace.enqueue(SEND_EMAIL, new Email("customer" + order + "@example.com", "order_confirmed", order));
            millrace.enqueue(RESIZE_IMAGE, new Image("orders/" + order + ".jpg", 320));
            millrace.enqueue(CHARGE_CARD, new Charge(order, 990 + order % 5_000, "EUR"));
        }
    }

    private Worker opened(Worker opened) {
        open.push(opened::close);
        return opened;
    }

    @Override
    public void close() {
        closing.countDown();
        while (!open.isEmpty()) {
            open.pop().run();
        }
    }
}
