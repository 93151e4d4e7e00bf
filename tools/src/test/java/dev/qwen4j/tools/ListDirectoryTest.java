package dev.qwen4j.tools;

import static org.assertj.core.api.Assertions.assertThat;

import dev.qwen4j.tool.ToolResult;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ListDirectoryTest {
  @TempDir Path folder;
  private Path workspace;

  @BeforeEach
  void makeWorkspace() throws IOException {
    workspace = Files.createDirectories(folder.resolve("work"));
  }

  @Test
  void entriesAreSortedAndFoldersAreMarked() throws Exception {
    Files.createDirectories(workspace.resolve("src/main"));
    Files.writeString(workspace.resolve("b.txt"), "12345");
    Files.writeString(workspace.resolve("a.txt"), "x".repeat(1234));
    assertThat(list("{}").text()).isEqualTo("a.txt (1,234 bytes)\nb.txt (5 bytes)\nsrc/\n");
    assertThat(list("{\"path\":\"src\"}").text()).isEqualTo("main/\n");
  }

  @Test
  void hiddenEntriesAreCountedAndShownOnRequest() throws Exception {
    Files.createDirectories(workspace.resolve(".git"));
    Files.writeString(workspace.resolve(".env"), "KEY");
    Files.writeString(workspace.resolve("a.txt"), "");
    assertThat(list("{}").text())
        .isEqualTo(
            "a.txt (0 bytes)\n[2 hidden entries not shown; pass hidden: true to see them.]\n");
    assertThat(list("{\"hidden\":true}").text())
        .isEqualTo(".env (3 bytes)\n.git/\na.txt (0 bytes)\n");
  }

  @Test
  void linksSayWhereTheyLeadButNotWhatIsOutside() throws Exception {
    Files.writeString(workspace.resolve("a.txt"), "");
    Files.createSymbolicLink(workspace.resolve("in"), Path.of("a.txt"));
    Files.createSymbolicLink(workspace.resolve("none"), Path.of("missing"));
    Files.createSymbolicLink(workspace.resolve("out"), Path.of(".."));
    assertThat(list("{}").text())
        .isEqualTo(
            """
            a.txt (0 bytes)
            in (link to a.txt)
            none (link to nothing)
            out (link to a place outside the workspace)
            """);
    assertThat(list("{\"path\":\"out\"}").isError()).isTrue();
  }

  @Test
  void aLongListIsCut() throws Exception {
    for (int i = 0; i < 600; i++) {
      Files.createFile(workspace.resolve("file%04d".formatted(i)));
    }
    assertThat(list("{}").text())
        .contains("file0499 (0 bytes)\n[500 of 600 entries shown (limit: 500 lines).")
        .doesNotContain("file0500");
  }

  @Test
  void anEmptyFolderAFileAndAMissingFolderAreExplained() throws Exception {
    assertThat(list("{}").text()).isEqualTo("[. is empty]\n");
    Files.writeString(workspace.resolve("a.txt"), "");
    assertThat(list("{\"path\":\"a.txt\"}"))
        .isEqualTo(ToolResult.error("'a.txt' is a file. Use read_file to read it."));
    assertThat(list("{\"path\":\"docs\"}").isError()).isTrue();
  }

  @Test
  void aNameWithALineBreakStaysOneEntry() throws Exception {
    Files.writeString(workspace.resolve("a\nb"), "");
    assertThat(list("{}").text()).isEqualTo("a�b (0 bytes)\n");
  }

  private ToolResult list(String json) throws Exception {
    return Calls.call(CodingTools.readOnly(workspace), "list_directory", json);
  }
}
