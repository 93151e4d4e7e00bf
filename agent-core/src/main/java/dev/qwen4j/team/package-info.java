/**
 * Agents that work together: handing over, choosing who answers, talking in a group, playing the
 * user; and the ways of working that are more than one prompt. Each is a few steps over {@link
 * dev.qwen4j.agent.RunScope}, which gives them one stream of events, one budget and one session.
 */
@NullMarked
package dev.qwen4j.team;

import org.jspecify.annotations.NullMarked;
