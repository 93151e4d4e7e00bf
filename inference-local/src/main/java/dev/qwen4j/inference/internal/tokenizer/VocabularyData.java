package dev.qwen4j.inference.internal.tokenizer;

import java.util.List;

/**
 * A tokenizer as a checkpoint's file describes it.
 *
 * @param model the algorithm, {@code tokenizer.ggml.model}: {@code gpt2} is byte-level BPE
 * @param pre how text is split before merging, {@code tokenizer.ggml.pre}
 * @param tokens by id, in the byte-level alphabet; markers as they are
 * @param types by id
 * @param merges the most important first, {@code left right}
 */
public record VocabularyData(
    String model, String pre, List<String> tokens, List<TokenType> types, List<String> merges) {}
