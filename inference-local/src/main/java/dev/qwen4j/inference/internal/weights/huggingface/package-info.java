/**
 * HuggingFace folders as checkpoints: safetensors files, configurations and tokenizers, translated
 * into GGUF's vocabulary, and the quantised forms that Qwen publishes, converted on the way.
 */
@NullMarked
package dev.qwen4j.inference.internal.weights.huggingface;

import org.jspecify.annotations.NullMarked;
