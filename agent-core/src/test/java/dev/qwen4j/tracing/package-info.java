/** Tests of the spans and metrics. */
@NullMarked
package dev.qwen4j.tracing;

import org.jspecify.annotations.NullMarked;
