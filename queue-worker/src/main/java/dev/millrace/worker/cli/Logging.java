package dev.millrace.worker.cli;

/** The logs of a process, which a command sets up when it begins. Behind it is the logback of the whole JVM. */
interface Logging {

    /**
     * Sends logs to standard error in the form that the options name.
     *
     * @param longRunning whether the process goes on: then it tells what happens; else only its result counts
     */
    void configure(CommonOptions options, boolean longRunning);

    /** From now on outages are to be told; before, the failure of the command tells them. */
    void started();
}
