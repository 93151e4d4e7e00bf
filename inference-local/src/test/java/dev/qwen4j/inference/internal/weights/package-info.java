/** Tests of checkpoint files. */
@NullMarked
package dev.qwen4j.inference.internal.weights;

import org.jspecify.annotations.NullMarked;
