/** Tests of the engine on tiny models. */
@NullMarked
package dev.qwen4j.inference.internal.engine;

import org.jspecify.annotations.NullMarked;
