package dev.qwen4j.tools;

import dev.qwen4j.tool.Tool;
import dev.qwen4j.tool.Toolbox;
import java.nio.file.Path;
import java.util.List;

/**
 * Tools for a folder of files: {@code read_file}, {@code list_directory}, {@code search_files}. No
 * path outside the folder is read, links included, and every answer has a bounded size and says
 * what it left out.
 */
public final class CodingTools implements Toolbox {
  private final List<Tool> tools;

  private CodingTools(List<Tool> tools) {
    this.tools = tools;
  }

  /**
   * Tools that only look.
   *
   * @throws IllegalArgumentException if {@code workspace} is not an existing folder
   */
  public static CodingTools readOnly(Path workspace) {
    var guarded = new Workspace(workspace);
    return new CodingTools(
        List.of(new ReadFile(guarded), new ListDirectory(guarded), new SearchFiles(guarded)));
  }

  @Override
  public List<Tool> tools() {
    return tools;
  }
}
