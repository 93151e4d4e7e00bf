/**
 * Hands for the agent: {@link dev.qwen4j.tools.CodingTools} for files, {@link
 * dev.qwen4j.tools.WebTools} for pages, {@link dev.qwen4j.tools.BasicTools} for sums, clocks and
 * units, {@link dev.qwen4j.tools.NoteTools} for what is to be remembered.
 */
@NullMarked
package dev.qwen4j.tools;

import org.jspecify.annotations.NullMarked;
