/** Checkpoint files: reading them, checking every field, finding tensors in them. */
@NullMarked
package dev.qwen4j.inference.internal.weights;

import org.jspecify.annotations.NullMarked;
