/** Finding texts by their words, for facts and for tools alike. */
@NullMarked
package dev.qwen4j.memory.internal;

import org.jspecify.annotations.NullMarked;
