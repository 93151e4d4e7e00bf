package dev.qwen4j.tools;

import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.model.chat.request.json.JsonObjectSchema;
import dev.qwen4j.tool.ToolArguments;
import dev.qwen4j.tool.ToolContext;
import java.io.IOException;
import java.nio.file.Path;
import java.nio.file.PathMatcher;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/** {@code search_files}: lines that match a regular expression, as {@code path:line:text}. */
final class SearchFiles implements ReadingTool {
  private final Workspace workspace;

  SearchFiles(Workspace workspace) {
    this.workspace = workspace;
  }

  @Override
  public ToolSpecification specification() {
    return ToolSpecification.builder()
        .name("search_files")
        .description(
            "Finds lines that match a regular expression in the files of the workspace. Returns"
                + " path:line:text for each.")
        .parameters(
            JsonObjectSchema.builder()
                .addStringProperty("pattern", "Regular expression, for example class \\w+Test")
                .addStringProperty("path", "File or folder to search (default: everything)")
                .addStringProperty("glob", "Only files of this name, for example *.java")
                .addBooleanProperty("ignore_case", "Whether a and A are the same (default false)")
                .required("pattern")
                .build())
        .build();
  }

  @Override
  public String answer(ToolArguments arguments, ToolContext context)
      throws Refusal, IOException, InterruptedException {
    Pattern pattern = pattern(arguments.string("pattern"), arguments.bool("ignore_case", false));
    Path start = workspace.resolveExisting(arguments.optionalString("path").orElse("."));
    Optional<String> glob = arguments.optionalString("glob").filter(text -> !text.isBlank());
    PathMatcher files = glob.isPresent() ? matcher(glob.get()) : path -> true;
    return new FileSearch(workspace, pattern, files, context).run(start);
  }

  private static Pattern pattern(String regex, boolean ignoreCase) throws Refusal {
    if (regex.isEmpty()) {
      throw new Refusal("'pattern' is empty; give the text to look for.");
    }
    try {
      return Pattern.compile(
          regex, ignoreCase ? Pattern.CASE_INSENSITIVE | Pattern.UNICODE_CASE : 0);
    } catch (PatternSyntaxException e) {
      throw new Refusal(
          "'"
              + regex
              + "' is not a valid regular expression: "
              + e.getDescription()
              + " at character "
              + (e.getIndex() + 1)
              + ". To find exactly this text, pass "
              + regex.replaceAll("[\\\\^$.|?*+()\\[\\]{}]", "\\\\$0"));
    }
  }

  /** {@code *.java} means a name at any depth, {@code src/*.java} a path from the workspace. */
  private PathMatcher matcher(String glob) {
    var files = workspace.root().getFileSystem();
    try {
      if (glob.indexOf('/') < 0) {
        PathMatcher name = files.getPathMatcher("glob:" + glob);
        return path -> name.matches(path.getFileName());
      }
      String fromRoot = glob.startsWith("/") ? glob.substring(1) : glob;
      PathMatcher whole = files.getPathMatcher("glob:" + fromRoot);
      // In Java's globs **/ needs a folder; people mean "here or below".
      PathMatcher here = files.getPathMatcher("glob:" + fromRoot.replace("**/", ""));
      return path -> whole.matches(path) || here.matches(path);
    } catch (PatternSyntaxException e) {
      throw new IllegalArgumentException(
          "'" + glob + "' is not a valid glob: " + e.getDescription() + ". Example: *.java", e);
    }
  }
}
