package dev.millrace.examples;

/** What the accounts must hold, computed from the jobs alone. */
final class Ledger {

    /** Accounts whose balance is not what exactly one run of each completed transfer makes of it; should be none. */
    static final String DIFFERENCES = """
            WITH moved AS (
                SELECT args ->> 'from' AS id, -(args ->> 'amount')::bigint AS change
                FROM millrace.job WHERE kind = 'transfer' AND state = 'completed' AND args ->> 'from' <> args ->> 'to'
                UNION ALL
                SELECT args ->> 'to', (args ->> 'amount')::bigint
                FROM millrace.job WHERE kind = 'transfer' AND state = 'completed' AND args ->> 'from' <> args ->> 'to'
            ), expected AS (
                SELECT id, 1000 + sum(change) AS balance FROM moved GROUP BY id
            )
            SELECT id, expected.balance AS expected, account.balance AS found
            FROM expected FULL JOIN public.example_account AS account USING (id)
            WHERE expected.balance IS DISTINCT FROM account.balance
            """;

    private Ledger() {}
}
