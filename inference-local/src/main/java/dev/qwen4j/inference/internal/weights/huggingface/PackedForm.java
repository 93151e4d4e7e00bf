package dev.qwen4j.inference.internal.weights.huggingface;

/**
 * What a configuration says of weights packed by GPTQ or AWQ.
 *
 * @param bits 4 or 8
 * @param groupSize inputs that share a scale; −1 for all
 */
record PackedForm(PackedRows.Packing packing, int bits, int groupSize) {}
