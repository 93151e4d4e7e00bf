package dev.qwen4j.rag;

import dev.langchain4j.data.document.Metadata;
import dev.langchain4j.data.segment.TextSegment;
import dev.langchain4j.rag.content.Content;
import dev.langchain4j.rag.content.ContentMetadata;
import dev.langchain4j.rag.content.retriever.ContentRetriever;
import dev.qwen4j.tool.Tool;
import dev.qwen4j.tool.Toolbox;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.io.UncheckedIOException;
import java.nio.channels.ClosedByInterruptException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Documents in, cited passages out: an index on disk over folders of text, Markdown and HTML.
 *
 * <pre>{@code
 * try (DocumentIndex index = DocumentIndex.open(Path.of("index"))) {
 *   index.add(Path.of("docs"));
 *   for (Passage passage : index.search("how to install", 5)) {
 *     print(passage.citation() + "\n" + passage.text());
 *   }
 * }
 * }</pre>
 *
 * <p>No model is needed, neither to index nor to search. As a {@link Toolbox} it gives an agent
 * {@code search_documents}. Adding the same folder again takes up what has changed and drops what
 * has vanished. One call of {@link #add} is in the index wholly or not at all, whenever the process
 * dies. Safe to use from several threads; several processes may search, one at a time may add.
 */
public final class DocumentIndex implements Toolbox, AutoCloseable {
  private final PassageStore store;
  private final List<Tool> tools;

  private DocumentIndex(PassageStore store) {
    this.store = store;
    this.tools = List.of(new SearchDocuments(this));
  }

  /**
   * Opens the index in a folder, or begins one there.
   *
   * @throws IOException if the folder cannot be used or holds a damaged index
   */
  public static DocumentIndex open(Path indexFolder) throws IOException {
    try {
      return new DocumentIndex(new PassageStore(indexFolder.toAbsolutePath().normalize()));
    } catch (IOException e) {
      throw new IOException(
          "Cannot open the index in "
              + indexFolder
              + ": "
              + e.getMessage()
              + " (an index can be deleted and built again with add)",
          e);
    }
  }

  /**
   * Takes a file, or all documents of a folder and the folders below, into the index.
   *
   * @return what was new, changed, the same, gone, or could not be read
   * @throws IOException if there is nothing at {@code fileOrFolder}, now or in the index, or the
   *     disk fails; the index is then as it was
   */
  public synchronized AddReport add(Path fileOrFolder) throws IOException {
    try {
      failIfInterrupted();
      return addAll(fileOrFolder);
    } catch (ClosedByInterruptException e) {
      failIfInterrupted();
      throw e;
    }
  }

  private AddReport addAll(Path fileOrFolder) throws IOException {
    Path root = fileOrFolder.toAbsolutePath().normalize();
    Map<String, String> known = store.hashes();
    Set<String> vanished = new HashSet<>();
    known.keySet().stream()
        .filter(source -> Path.of(source).startsWith(root))
        .forEach(vanished::add);
    List<Path> files;
    if (Files.isDirectory(root)) {
      files = SourceFile.documents(root);
    } else if (Files.exists(root)) {
      files = List.of(root);
    } else if (!vanished.isEmpty()) {
      files = List.of();
    } else {
      throw new NoSuchFileException(root.toString(), null, "there is no such file or folder");
    }
    try (PassageStore.Batch batch = store.change()) {
      int added = 0;
      int updated = 0;
      int unchanged = 0;
      List<Path> skipped = new ArrayList<>();
      for (Path file : files) {
        failIfInterrupted();
        Optional<SourceFile> read = SourceFile.read(file);
        if (read.isEmpty()) {
          skipped.add(file);
          continue;
        }
        vanished.remove(file.toString());
        String before = known.get(file.toString());
        if (read.get().hash().equals(before)) {
          unchanged++;
        } else {
          batch.put(read.get(), name(root, file));
          added += before == null ? 1 : 0;
          updated += before == null ? 0 : 1;
        }
      }
      for (String source : vanished) {
        batch.remove(source);
      }
      if (added + updated + vanished.size() > 0) {
        batch.commit();
      }
      return new AddReport(added, updated, unchanged, vanished.size(), List.copyOf(skipped));
    }
  }

  /**
   * The passages that answer a query best, the best first. The query is plain words in English or
   * Chinese: it has no syntax, so none can be wrong.
   *
   * @throws IllegalArgumentException if {@code limit} is not between 1 and 1000
   */
  public List<Passage> search(String query, int limit) throws IOException {
    if (limit < 1 || limit > 1_000) {
      throw new IllegalArgumentException("limit must be between 1 and 1000, but was " + limit);
    }
    return store.search(query, limit);
  }

  /** The tool {@code search_documents}. */
  @Override
  public List<Tool> tools() {
    return tools;
  }

  /**
   * This index for LangChain4j. The metadata of a segment are {@code source}, {@code name}, {@code
   * heading}, {@code start}, {@code end}, {@code first_line} and {@code last_line}.
   *
   * @param limit how many passages a query gets
   */
  public ContentRetriever contentRetriever(int limit) {
    return query -> {
      try {
        return search(query.text(), limit).stream().map(DocumentIndex::content).toList();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    };
  }

  @Override
  public void close() throws IOException {
    store.close();
  }

  private static Content content(Passage passage) {
    Passage.Span span = passage.span();
    var metadata =
        new Metadata()
            .put("source", passage.source().toString())
            .put("name", passage.name())
            .put("heading", passage.heading())
            .put("start", span.start())
            .put("end", span.end())
            .put("first_line", span.firstLine())
            .put("last_line", span.lastLine());
    return Content.from(
        TextSegment.from(passage.text(), metadata), Map.of(ContentMetadata.SCORE, passage.score()));
  }

  private static void failIfInterrupted() throws InterruptedIOException {
    if (Thread.interrupted()) {
      throw new InterruptedIOException("Interrupted while indexing; the index is as it was.");
    }
  }

  /** {@code docs/guide/a.md} for a file in an added folder {@code /home/me/docs}. */
  private static String name(Path root, Path file) {
    Path parent = root.getParent();
    return (parent == null ? file : parent.relativize(file)).toString().replace('\\', '/');
  }
}
