/** {@link dev.qwen4j.mcp.McpTools} gives an agent the tools of any MCP server. */
@NullMarked
package dev.qwen4j.mcp;

import org.jspecify.annotations.NullMarked;
