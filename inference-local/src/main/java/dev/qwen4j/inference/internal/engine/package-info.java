/** Runs sequences: prefill, decode, stop rules, cancellation. */
@NullMarked
package dev.qwen4j.inference.internal.engine;

import org.jspecify.annotations.NullMarked;
