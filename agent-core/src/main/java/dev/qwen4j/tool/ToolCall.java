package dev.qwen4j.tool;

/**
 * A call that a model asked for.
 *
 * @param id identifies the call within its conversation and pairs it with its result
 */
public record ToolCall(String id, String name, ToolArguments arguments) {}
