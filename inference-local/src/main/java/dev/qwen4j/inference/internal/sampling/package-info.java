/** From logits to the next token. */
@NullMarked
package dev.qwen4j.inference.internal.sampling;

import org.jspecify.annotations.NullMarked;
