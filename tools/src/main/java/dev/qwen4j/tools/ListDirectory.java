package dev.qwen4j.tools;

import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.model.chat.request.json.JsonObjectSchema;
import dev.qwen4j.tool.ToolArguments;
import dev.qwen4j.tool.ToolContext;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.List;

/** {@code list_directory}: one entry a line, sorted by name; folders end with a slash. */
final class ListDirectory implements ReadingTool {
  private final Workspace workspace;

  ListDirectory(Workspace workspace) {
    this.workspace = workspace;
  }

  @Override
  public ToolSpecification specification() {
    return ToolSpecification.builder()
        .name("list_directory")
        .description(
            "Lists the files and folders in a folder of the workspace, with their sizes. Folder"
                + " names end with /.")
        .parameters(
            JsonObjectSchema.builder()
                .addStringProperty("path", "The folder (default: the workspace itself)")
                .addBooleanProperty("hidden", "Also list names that begin with a dot")
                .build())
        .build();
  }

  @Override
  public String answer(ToolArguments arguments, ToolContext context) throws Refusal, IOException {
    Path folder = workspace.resolveExisting(arguments.optionalString("path").orElse("."));
    boolean hidden = arguments.bool("hidden", false);
    String name = workspace.display(folder);
    if (!Files.isDirectory(folder)) {
      throw new Refusal("'" + name + "' is a file. Use read_file to read it.");
    }
    List<Path> shown = new ArrayList<>();
    int left = 0;
    try (var entries = Files.newDirectoryStream(folder)) {
      for (Path entry : entries) {
        if (hidden || !entry.getFileName().toString().startsWith(".")) {
          shown.add(entry);
        } else {
          left++;
        }
      }
    }
    shown.sort(null);
    var page = Truncation.NAMES.page();
    for (Path entry : shown) {
      if (!page.add(describe(entry))) {
        break;
      }
    }
    var answer = new StringBuilder(page.text());
    if (shown.isEmpty()) {
      answer.append("[").append(name).append(left == 0 ? " is empty]\n" : " has nothing else]\n");
    }
    page.limitMet()
        .ifPresent(
            met ->
                answer
                    .append("[")
                    .append(page.lines())
                    .append(" of ")
                    .append(shown.size())
                    .append(" entries shown (limit: ")
                    .append(met)
                    .append("). List a folder below, or use search_files.]\n"));
    if (left > 0) {
      answer.append("[").append(left).append(left == 1 ? " hidden entry" : " hidden entries");
      answer.append(" not shown; pass hidden: true to see them.]\n");
    }
    return answer.toString();
  }

  private String describe(Path entry) throws IOException {
    var attributes =
        Files.readAttributes(entry, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
    // A name may hold a line break; shown as such it could pass for two entries.
    String name = entry.getFileName().toString().replaceAll("\\p{Cntrl}", "�");
    if (attributes.isSymbolicLink()) {
      return name + " (link to " + target(entry) + ")";
    }
    if (attributes.isDirectory()) {
      return name + "/";
    }
    if (attributes.isOther()) {
      return name + " (special file)";
    }
    return name + " (" + Truncation.count(attributes.size()) + " bytes)";
  }

  private String target(Path link) {
    try {
      Path real = link.toRealPath();
      return real.startsWith(workspace.root())
          ? workspace.display(real) + (Files.isDirectory(real) ? "/" : "")
          : "a place outside the workspace";
    } catch (IOException e) {
      return "nothing";
    }
  }
}
