/**
 * Conversations that outlive their process: an append-only journal of what was said, started, asked
 * and decided, and what can be made of it.
 */
@NullMarked
package dev.qwen4j.session;

import org.jspecify.annotations.NullMarked;
