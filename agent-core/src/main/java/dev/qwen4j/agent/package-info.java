/**
 * {@link dev.qwen4j.agent.Agent} runs a model in a loop with tools under limits and approvals. The
 * loop itself is the package-private {@code AgentLoop}.
 */
@NullMarked
package dev.qwen4j.agent;

import org.jspecify.annotations.NullMarked;
