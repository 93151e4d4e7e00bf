package dev.qwen4j.tool;

import java.time.Instant;

/**
 * What a tool may know about the run that calls it.
 *
 * @param cancellation the run's; a tool that waits or starts a process listens to it
 * @param deadline when the call will be given up, results and all
 */
public record ToolContext(Cancellation cancellation, Instant deadline) {}
