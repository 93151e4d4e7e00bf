package dev.qwen4j.inference.internal.weights.huggingface;

import org.jspecify.annotations.Nullable;

/**
 * What GPTQ and AWQ store of a linear layer.
 *
 * @param groupIndex the group of each input, where it is stated
 */
record PackedTensors(
    StoredTensor weights,
    StoredTensor zeros,
    StoredTensor scales,
    @Nullable StoredTensor groupIndex) {}
