package dev.millrace.testing;

import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Inherited;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * Gives a test class a database of its own, resolved as a parameter of type {@link TestDatabase} of its constructor,
 * tests and lifecycle methods; nested classes share it. After the class it fails if a thread, a session or a
 * transaction of Millrace is left ({@link LeakCheck}), and drops the database.
 */
@Documented
@Inherited
@Target(ElementType.TYPE)
@Retention(RetentionPolicy.RUNTIME)
@ExtendWith(PostgresExtension.class)
public @interface PostgresTest {

    /** Whether the database has the job tables already, in schema {@code millrace}; else it is empty. */
    boolean migrated() default true;
}
