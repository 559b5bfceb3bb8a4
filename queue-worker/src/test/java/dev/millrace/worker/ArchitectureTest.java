package dev.millrace.worker;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Direction of modules and packages, over all that a worker is made of. */
class ArchitectureTest {

    private static final String[] MIGRATIONS = {"dev.millrace.migrations..", "dev.millrace.error.."};
    private static final String[] CORE = {
        "dev.millrace",
        "dev.millrace.job..",
        "dev.millrace.connection..",
        "dev.millrace.enqueue..",
        "dev.millrace.queue..",
        "dev.millrace.jdbi..",
        "dev.millrace.ops..",
        "dev.millrace.periodic.."
    };
    private static final String WORKER = "dev.millrace.worker..";

    private static JavaClasses classes;

    @BeforeAll
    static void read() {
        classes = new ClassFileImporter()
                .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
                // The test foundation comes as classes or as a jar, and a jar does not tell that it holds tests.
                .withImportOption(location -> !location.contains("/dev/millrace/testing/"))
                .importPackages("dev.millrace");
    }

    @Test
    void migrations_knowNothingOfTheRest() {
        noClasses()
                .that()
                .resideInAnyPackage(MIGRATIONS)
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage(CORE)
                .orShould()
                .dependOnClassesThat()
                .resideInAPackage(WORKER)
                .check(classes);
    }

    @Test
    void core_knowsNothingOfTheWorker() {
        noClasses()
                .that()
                .resideInAnyPackage(CORE)
                .should()
                .dependOnClassesThat()
                .resideInAPackage(WORKER)
                .check(classes);
    }

    @Test
    void features_areFreeOfCircles() {
        slices().matching("dev.millrace.(*)..").should().beFreeOfCycles().check(classes);
        slices().matching("dev.millrace.worker.(*)..").should().beFreeOfCycles().check(classes);
    }

    @Test
    void engine_knowsNothingOfCommandLineAndFrontDoors() {
        noClasses()
                .that()
                .resideInAnyPackage("dev.millrace.worker.engine..", "dev.millrace.worker.handler..")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("dev.millrace.worker.cli..", "dev.millrace.worker", "dev.millrace")
                .check(classes);
    }

    @Test
    void onlyTheCommandLine_usesWhatLibraryUsersDoNotGet() {
        noClasses()
                .that()
                .resideOutsideOfPackage("dev.millrace.worker.cli..")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage(
                        "picocli..", "ch.qos.logback..", "org.slf4j.bridge..", "io.micrometer.prometheusmetrics..")
                .check(classes);
    }

    @Test
    void onlyMetricsAndTheCommandLine_useMicrometer() {
        noClasses()
                .that()
                .resideOutsideOfPackages("dev.millrace.worker.metrics..", "dev.millrace.worker.cli..")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("io.micrometer..")
                .check(classes);
    }

    @Test
    void onlyTracing_usesOpenTelemetry() {
        noClasses()
                .that()
                .resideOutsideOfPackages("dev.millrace.worker.tracing..")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("io.opentelemetry..")
                .check(classes);
    }

    @Test
    void nothingOutsideTheSupervisor_sleepsOrRetriesConnections() {
        noClasses()
                .that()
                .resideOutsideOfPackages("dev.millrace.connection..", "dev.millrace.migrations..")
                .should()
                .callMethod(Thread.class, "sleep", long.class)
                .orShould()
                .callMethod(java.util.concurrent.TimeUnit.class, "sleep", long.class)
                .orShould()
                .callMethod(java.util.concurrent.locks.LockSupport.class, "parkNanos", long.class)
                .orShould()
                .callMethod(java.sql.DriverManager.class, "getConnection", String.class)
                .check(classes);
    }
}
