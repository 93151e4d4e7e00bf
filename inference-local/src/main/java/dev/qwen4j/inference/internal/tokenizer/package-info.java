/** Qwen's byte-level BPE, from text to ids and back. */
@NullMarked
package dev.qwen4j.inference.internal.tokenizer;

import org.jspecify.annotations.NullMarked;
