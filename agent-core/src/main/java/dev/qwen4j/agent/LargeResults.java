package dev.qwen4j.agent;

import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.ToolExecutionResultMessage;
import dev.langchain4j.model.chat.request.json.JsonObjectSchema;
import dev.qwen4j.tool.Tool;
import dev.qwen4j.tool.ToolCall;
import dev.qwen4j.tool.ToolContext;
import dev.qwen4j.tool.ToolResult;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import org.jspecify.annotations.Nullable;

/**
 * Keeps large tool results in files and shows the model their beginning and end; the tool {@value
 * #NAME} reads on. A file is named by what is in it, so that runs, forks and processes share a
 * folder without disturbing each other.
 */
final class LargeResults implements Tool {
  static final String NAME = "read_result";

  /** In every shortened result, and in no other text by chance. */
  private static final String MARK = "[" + NAME + " {\"id\":\"";

  private final int largest;
  private @Nullable Path folder;

  LargeResults(ContextPolicy policy) {
    this.largest = policy.largestResult();
    this.folder = policy.resultFolder();
  }

  /** Whether a message is a result that can be read on. */
  static boolean isCut(ChatMessage message) {
    return message instanceof ToolExecutionResultMessage result && result.text().contains(MARK);
  }

  /** The result as the model reads it. */
  ToolResult shown(ToolResult result) {
    String text = result.text();
    if (text.length() <= largest) {
      return result;
    }
    int head = boundary(text, largest / 2);
    int tail = boundary(text, text.length() - largest / 8);
    String left;
    try {
      String id = keep(text);
      left =
          "%s%s\",\"offset\":%d} reads on here: %d of %d characters are left out]"
              .formatted(MARK, id, head, tail - head, text.length());
    } catch (IOException e) {
      left =
          "[%d of %d characters are left out, and could not be kept: %s; ask for less at once]"
              .formatted(tail - head, text.length(), e.getMessage());
    }
    String shown = text.substring(0, head) + "\n" + left + "\n" + text.substring(tail);
    return new ToolResult(shown, result.isError());
  }

  /** Not between the halves of a character. */
  private static int boundary(String text, int at) {
    return at > 0 && at < text.length() && Character.isLowSurrogate(text.charAt(at)) ? at - 1 : at;
  }

  private String keep(String text) throws IOException {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    String id = HexFormat.of().formatHex(sha256(bytes), 0, 6);
    Path file = folder().resolve(id + ".txt");
    if (!Files.exists(file)) {
      Path part = Files.createTempFile(folder(), id, ".part");
      Files.write(part, bytes);
      Files.move(part, file, StandardCopyOption.REPLACE_EXISTING);
    }
    return id;
  }

  private synchronized Path folder() throws IOException {
    Path there = folder;
    if (there == null) {
      there = Files.createTempDirectory("qwen4j-results");
      folder = there;
    }
    return Files.createDirectories(there);
  }

  private static byte[] sha256(byte[] bytes) {
    try {
      return MessageDigest.getInstance("SHA-256").digest(bytes);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has SHA-256", e);
    }
  }

  @Override
  public ToolSpecification specification() {
    return ToolSpecification.builder()
        .name(NAME)
        .description("Reads on in a tool result that was too large to show whole.")
        .parameters(
            JsonObjectSchema.builder()
                .addStringProperty("id", "The id that stands where the result was cut")
                .addIntegerProperty("offset", "The character to begin at; 0 is the start")
                .required("id")
                .build())
        .build();
  }

  @Override
  public boolean changesState() {
    return false;
  }

  @Override
  public ToolResult call(ToolCall call, ToolContext context) throws IOException {
    String id = call.arguments().string("id");
    if (!id.matches("[0-9a-f]{12}")) {
      return ToolResult.error("There is no result '" + id + "': take the id from the cut result.");
    }
    Path file = folder().resolve(id + ".txt");
    if (!Files.exists(file)) {
      return ToolResult.error(
          "The result '" + id + "' is not kept any more: call the tool that gave it again.");
    }
    String text = Files.readString(file);
    int from = boundary(text, Math.clamp(call.arguments().integer("offset", 0), 0, text.length()));
    int to = boundary(text, Math.min(text.length(), from + largest * 3 / 4));
    String rest =
        to == text.length()
            ? "\n[end of the result]"
            : "\n%s%s\",\"offset\":%d} reads on]".formatted(MARK, id, to);
    return ToolResult.of(text.substring(from, to) + rest);
  }
}
