package dev.qwen4j.inference.internal.kernel;

/**
 * By what angles a batch of tokens turns the first {@code 2 · half} dimensions of a head.
 *
 * @param cos [tokens, half]
 * @param sin [tokens, half]
 */
// Nobody compares angles, and lists would box them.
@SuppressWarnings("ArrayRecordComponent")
public record Turns(int half, float[] cos, float[] sin) {}
