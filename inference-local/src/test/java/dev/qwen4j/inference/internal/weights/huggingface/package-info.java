@NullMarked
package dev.qwen4j.inference.internal.weights.huggingface;

import org.jspecify.annotations.NullMarked;
