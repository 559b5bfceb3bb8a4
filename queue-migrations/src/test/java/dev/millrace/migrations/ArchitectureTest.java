package dev.millrace.migrations;

import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideOutsideOfPackages;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption.DoNotIncludeTests;
import org.junit.jupiter.api.Test;

class ArchitectureTest {

    private static final JavaClasses MAIN =
            new ClassFileImporter().withImportOption(new DoNotIncludeTests()).importPackages("dev.millrace");

    @Test
    void migrations_ofAllOfMillrace_dependOnErrorsOnly() {
        noClasses()
                .that()
                .resideInAPackage("dev.millrace.migrations..")
                .should()
                .dependOnClassesThat(resideInAPackage("dev.millrace..")
                        .and(resideOutsideOfPackages("dev.millrace.migrations..", "dev.millrace.error..")))
                .check(MAIN);
    }

    @Test
    void errors_dependOnNothingElseOfMillrace() {
        noClasses()
                .that()
                .resideInAPackage("dev.millrace.error..")
                .should()
                .dependOnClassesThat(
                        resideInAPackage("dev.millrace..").and(resideOutsideOfPackages("dev.millrace.error..")))
                .check(MAIN);
    }
}
