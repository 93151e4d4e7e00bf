/**
 * How Qwen writes tool calls and thoughts in plain text, and the incremental parsers that read them
 * back. Used by the local engine on every reply and by the agent to recover calls that a server
 * left in the text.
 */
@NullMarked
package dev.qwen4j.dialect;

import org.jspecify.annotations.NullMarked;
