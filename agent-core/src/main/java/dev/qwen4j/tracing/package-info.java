/** Runs as OpenTelemetry spans and metrics, for whoever exports them. */
@NullMarked
package dev.qwen4j.tracing;

import org.jspecify.annotations.NullMarked;
