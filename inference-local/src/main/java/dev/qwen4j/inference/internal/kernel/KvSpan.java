package dev.qwen4j.inference.internal.kernel;

/**
 * The new tokens of one sequence of a batch: {@code tokens} positions from {@code position} on, of
 * which each sees itself and those before it.
 *
 * @param kv of one attention layer
 */
public record KvSpan(KvLayer kv, int position, int tokens) {}
