package dev.qwen4j.examples;

import static org.assertj.core.api.Assertions.assertThat;

import dev.qwen4j.rag.DocumentIndex;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Lucene greets whoever uses it with lines about its own internals. */
class QuietLogsTest {
  @TempDir private Path folder;

  /** A command that uses documents, as seen by the log manager. */
  static final class Indexing {
    public static void main(String[] args) throws Exception {
      QuietLogs.use();
      try (DocumentIndex index = DocumentIndex.open(Path.of(args[0], "index"))) {
        index.add(Path.of(args[0], "documents"));
        index.search("heron", 1);
      }
      java.util.logging.Logger.getLogger("somewhere").warning("this matters");
    }
  }

  @Test
  void onlyWarningsOfLibrariesReachStderr() throws Exception {
    Path documents = Files.createDirectory(folder.resolve("documents"));
    Files.writeString(documents.resolve("birds.md"), "# Birds\n\nA heron stands still.\n");
    try (ChildProcess child = ChildProcess.running(Indexing.class, Map.of(), folder.toString())) {
      assertThat(child.exitCode()).as(child.err()).isZero();
      assertThat(child.err()).contains("this matters").doesNotContain("INFO");
    }
  }
}
