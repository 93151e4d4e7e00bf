/** Facts that an agent keeps beyond a conversation, and the tools by which it does. */
@NullMarked
package dev.qwen4j.memory;

import org.jspecify.annotations.NullMarked;
