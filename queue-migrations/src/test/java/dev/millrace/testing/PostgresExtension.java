package dev.millrace.testing;

import org.junit.jupiter.api.extension.AfterAllCallback;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ExtensionContext.Namespace;
import org.junit.jupiter.api.extension.ParameterContext;
import org.junit.jupiter.api.extension.ParameterResolver;
import org.junit.platform.commons.support.AnnotationSupport;

/** The extension behind {@link PostgresTest}. */
final class PostgresExtension implements BeforeAllCallback, AfterAllCallback, ParameterResolver {

    private static final Namespace NAMESPACE = Namespace.create(PostgresExtension.class);

    private record Lent(TestDatabase database, LeakCheck leakCheck) {}

    @Override
    public void beforeAll(ExtensionContext context) {
        lent(context);
    }

    @Override
    public void afterAll(ExtensionContext context) {
        if (owner(context) != context) {
            return;
        }
        Lent lent = context.getStore(NAMESPACE).remove(Lent.class, Lent.class);
        if (lent == null) {
            return;
        }
        try {
            lent.leakCheck.verify();
        } finally {
            TestServer.shared().drop(lent.database);
        }
    }

    @Override
    public boolean supportsParameter(ParameterContext parameter, ExtensionContext context) {
        return parameter.getParameter().getType() == TestDatabase.class;
    }

    @Override
    public Object resolveParameter(ParameterContext parameter, ExtensionContext context) {
        return lent(context).database;
    }

    /** On demand, because a constructor may ask before {@link #beforeAll} (one instance per class). */
    private static Lent lent(ExtensionContext context) {
        ExtensionContext owner = owner(context);
        Class<?> testClass = owner.getRequiredTestClass();
        boolean migrated = AnnotationSupport.findAnnotation(testClass, PostgresTest.class)
                .orElseThrow(() -> new IllegalStateException(testClass.getName() + " needs @PostgresTest"))
                .migrated();
        return owner.getStore(NAMESPACE)
                .computeIfAbsent(
                        Lent.class,
                        key -> {
                            TestDatabase database = TestServer.shared().create(testClass.getSimpleName(), migrated);
                            return new Lent(database, LeakCheck.remember(database));
                        },
                        Lent.class);
    }

    /** The outermost annotated class: nested classes share its database. */
    private static ExtensionContext owner(ExtensionContext context) {
        ExtensionContext owner = context;
        for (ExtensionContext at = context; at != null; at = at.getParent().orElse(null)) {
            if (at.getTestMethod().isEmpty()
                    && at.getTestClass()
                            .filter(type -> AnnotationSupport.isAnnotated(type, PostgresTest.class))
                            .isPresent()) {
                owner = at;
            }
        }
        return owner;
    }
}
