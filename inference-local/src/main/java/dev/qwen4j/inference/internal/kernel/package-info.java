/**
 * The arithmetic: matrix products over quantised weights, attention, norms. {@link
 * dev.qwen4j.inference.internal.kernel.Kernels} has a scalar twin, which is the oracle, and a
 * Vector API implementation, which is fast.
 */
@NullMarked
package dev.qwen4j.inference.internal.kernel;

import org.jspecify.annotations.NullMarked;
