package dev.qwen4j.mcp;

import dev.qwen4j.tool.ToolResult;
import io.modelcontextprotocol.json.McpJsonDefaults;
import io.modelcontextprotocol.spec.McpSchema;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** What a server answered, as text for a model; what is no text is named, not shown. */
final class ResultText {
  private ResultText() {}

  static ToolResult of(McpSchema.CallToolResult result, int maxCharacters) {
    List<String> parts = new ArrayList<>();
    if (result.content() != null) {
      result.content().forEach(content -> parts.add(text(content)));
    }
    if (parts.isEmpty() && result.structuredContent() != null) {
      parts.add(json(result.structuredContent()));
    }
    String text = String.join("\n", parts);
    if (text.isBlank()) {
      text = "[The tool returned nothing.]";
    }
    return new ToolResult(cut(text, maxCharacters), Boolean.TRUE.equals(result.isError()));
  }

  private static String text(McpSchema.Content content) {
    return switch (content) {
      case McpSchema.TextContent text -> text.text();
      case McpSchema.ImageContent image -> data("image", image.mimeType(), image.data());
      case McpSchema.AudioContent audio -> data("audio", audio.mimeType(), audio.data());
      case McpSchema.EmbeddedResource embedded -> resource(embedded.resource());
      case McpSchema.ResourceLink link -> "[resource " + link.name() + ": " + link.uri() + "]";
      default -> "[content of type " + content.type() + ", not shown]";
    };
  }

  private static String resource(McpSchema.ResourceContents resource) {
    return switch (resource) {
      case McpSchema.TextResourceContents text -> "[" + text.uri() + "]\n" + text.text();
      case McpSchema.BlobResourceContents blob -> data(blob.uri(), blob.mimeType(), blob.blob());
      default -> "[resource " + resource.uri() + ", not shown]";
    };
  }

  private static String data(String what, String type, String base64) {
    return "[" + what + " " + type + ", " + base64.length() * 3L / 4 + " bytes, not shown]";
  }

  private static String json(Object structured) {
    try {
      return McpJsonDefaults.getMapper().writeValueAsString(structured);
    } catch (IOException e) {
      throw new IllegalStateException("what was read from JSON is JSON", e);
    }
  }

  private static String cut(String text, int maxCharacters) {
    if (text.length() <= maxCharacters) {
      return text;
    }
    int end =
        Character.isHighSurrogate(text.charAt(maxCharacters - 1))
            ? maxCharacters - 1
            : maxCharacters;
    return text.substring(0, end)
        + String.format(
            Locale.ROOT, "\n[Cut: the first %,d of %,d characters]", end, text.length());
  }
}
