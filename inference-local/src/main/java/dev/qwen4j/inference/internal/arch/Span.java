package dev.qwen4j.inference.internal.arch;

/**
 * What one sequence reads in a batch: {@code ids[from … from + count)}, as its next positions.
 *
 * @param state of a sequence that no other span of the batch has
 */
// Ids on their way to the layers, which nobody compares.
@SuppressWarnings("ArrayRecordComponent")
public record Span(SequenceState state, int[] ids, int from, int count) {}
