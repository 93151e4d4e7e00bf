/**
 * {@link dev.qwen4j.inference.hub.ModelHub} brings checkpoints from HuggingFace and ModelScope into
 * a local cache.
 */
@NullMarked
package dev.qwen4j.inference.hub;

import org.jspecify.annotations.NullMarked;
