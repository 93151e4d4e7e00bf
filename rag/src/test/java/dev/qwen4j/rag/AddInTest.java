package dev.qwen4j.rag;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.nio.file.Path;

/** Adds a folder to an index in a process of its own, which a test then kills. */
final class AddInTest {
  private AddInTest() {}

  public static void main(String[] arguments) throws Exception {
    try (DocumentIndex index = DocumentIndex.open(Path.of(arguments[0]));
        var out = new FileOutputStream(FileDescriptor.out)) {
      out.write('a');
      out.flush();
      index.add(Path.of(arguments[1]));
    }
  }
}
