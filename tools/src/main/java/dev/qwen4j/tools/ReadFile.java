package dev.qwen4j.tools;

import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.model.chat.request.json.JsonObjectSchema;
import dev.qwen4j.tool.ToolArguments;
import dev.qwen4j.tool.ToolContext;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/**
 * {@code read_file}: the lines of a text file as they are, without numbers, which small models copy
 * into what they write. What was left out, and how to get it, is said in one last line in brackets.
 */
final class ReadFile implements ReadingTool {
  /** Lines of larger files are not counted to the end: the answer then says "more than". */
  private static final long MAX_BYTES_TO_COUNT = 256L << 20;

  private final Workspace workspace;

  ReadFile(Workspace workspace) {
    this.workspace = workspace;
  }

  @Override
  public ToolSpecification specification() {
    return ToolSpecification.builder()
        .name("read_file")
        .description(
            "Reads a text file of the workspace. Returns its lines as they are. A long file is cut;"
                + " the last line then says how to read on.")
        .parameters(
            JsonObjectSchema.builder()
                .addStringProperty("path", "The file, for example src/Main.java")
                .addIntegerProperty("offset", "First line to read; 1 is the start (default 1)")
                .addIntegerProperty("limit", "How many lines to read (default 1000)")
                .required("path")
                .build())
        .build();
  }

  @Override
  public String answer(ToolArguments arguments, ToolContext context)
      throws Refusal, IOException, InterruptedException {
    String path = arguments.string("path");
    int offset = Math.max(1, atLeast(0, "offset", arguments.integer("offset", 1)));
    int limit = atLeast(1, "limit", arguments.integer("limit", Truncation.FILE.maxLines()));
    Path file = workspace.resolveExisting(path);
    String name = workspace.display(file);
    if (Files.isDirectory(file)) {
      throw new Refusal(
          "'" + name + "' is a directory. Use list_directory to see the files in it.");
    }
    Optional<TextFile> opened = TextFile.open(file);
    if (opened.isEmpty()) {
      throw new Refusal(
          "'"
              + name
              + "' is a binary file of "
              + Truncation.count(Files.size(file))
              + " bytes; read_file reads text only.");
    }
    try (TextFile text = opened.get()) {
      return read(text, name, offset, limit, Files.size(file));
    }
  }

  private static String read(TextFile text, String name, int offset, int limit, long bytes)
      throws IOException, Refusal, InterruptedException {
    var limits =
        new Truncation(
            Math.min(limit, Truncation.FILE.maxLines()),
            Truncation.FILE.maxCharacters(),
            Truncation.FILE.maxLineCharacters());
    var page = limits.page();
    var line = new StringBuilder();
    long total = 0;
    boolean counted = true;
    for (long length; (length = text.readLine(line, limits.maxLineCharacters() + 1)) >= 0; ) {
      total++;
      if (total >= offset) {
        page.add(line, length);
      }
      if (Thread.interrupted()) {
        throw new InterruptedException("read_file was interrupted");
      }
      if (page.limitMet().isPresent() && bytes > MAX_BYTES_TO_COUNT) {
        counted = false;
        break;
      }
    }
    if (total == 0) {
      return "[" + name + " is empty]";
    }
    if (offset > total) {
      throw new Refusal(
          "'"
              + name
              + "' has only "
              + Truncation.count(total)
              + " lines; offset "
              + offset
              + " is past its end.");
    }
    var answer = new StringBuilder(page.text());
    if (!text.charset().equals(StandardCharsets.UTF_8)) {
      answer.append("[").append(name).append(" is not UTF-8; read as ").append(text.charset());
      answer.append("]\n");
    }
    long last = offset + (long) page.lines() - 1;
    if (offset > 1 || last < total) {
      answer.append("[Lines ").append(offset).append('-').append(last).append(" of ");
      answer.append(counted ? "" : "more than ").append(total).append(" shown");
      page.limitMet().ifPresent(met -> answer.append(" (limit: ").append(met).append(')'));
      answer.append('.');
      if (last < total) {
        answer.append(" To read on, call read_file with offset ").append(last + 1).append('.');
      }
      answer.append("]\n");
    }
    return answer.toString();
  }

  private static int atLeast(int least, String name, int value) throws Refusal {
    if (value < least) {
      throw new Refusal("'" + name + "' must be at least " + least + ", but was " + value + ".");
    }
    return value;
  }
}
