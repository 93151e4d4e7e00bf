/**
 * {@link dev.qwen4j.tool.Tool} is what an agent can do: a specification the model reads and a call
 * the agent makes.
 */
@NullMarked
package dev.qwen4j.tool;

import org.jspecify.annotations.NullMarked;
