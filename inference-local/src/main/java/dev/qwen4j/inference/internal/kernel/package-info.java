/**
 * The arithmetic: matrix products over quantised weights, attention, norms. {@link
 * dev.qwen4j.inference.internal.kernel.Kernels} has a scalar twin, which is the oracle, and a
 * Vector API implementation, which is fast.
 *
 * <p>Its inner methods are written out at length for one reason: C2 keeps a vector in registers
 * only while it sees all of its life. One that a method returns, or that outlives a turn of a loop
 * with a check of an array's bounds in it, may become an object, a hundred bytes of garbage each
 * time. Memory is read by address for the same reason.
 */
@NullMarked
package dev.qwen4j.inference.internal.kernel;

import org.jspecify.annotations.NullMarked;
