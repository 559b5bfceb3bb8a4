package dev.millrace.connection;

/**
 * What the work lane holds now. With an application's data source, what this library has borrowed of it.
 *
 * @param active connections in use
 * @param idle connections open and not in use
 * @param waiting threads that wait for one
 * @param maximum how many there may be now; less than configured after the server had none left
 */
public record PoolUsage(int active, int idle, int waiting, int maximum) {}
