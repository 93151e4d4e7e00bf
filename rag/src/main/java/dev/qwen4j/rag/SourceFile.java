package dev.qwen4j.rag;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/**
 * A file as the index sees it.
 *
 * @param path where it is, absolute
 * @param hash of its bytes and of the way they are cut, so that either change is noticed
 * @param text its content, decoded: UTF-8, else GB18030 if it is valid, else windows-1252
 */
record SourceFile(Path path, String hash, String text) {
  private static final long MAX_BYTES = 20L << 20;
  private static final String CUTTING = "1";
  private static final Set<String> IGNORED_FOLDERS =
      Set.of("node_modules", "target", "__pycache__", "venv");
  private static final Set<String> HTML = Set.of("html", "htm", "xhtml");
  private static final Set<String> PLAIN = Set.of("txt", "text", "rst", "adoc", "org");
  private static final Set<String> MARKDOWN = Set.of("md", "markdown", "mdx");

  /** The documents in a folder, in order; hidden ones and those of machines are left out. */
  static List<Path> documents(Path folder) throws IOException {
    List<Path> documents = new ArrayList<>();
    Files.walkFileTree(
        folder,
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult preVisitDirectory(Path inner, BasicFileAttributes attributes) {
            String name = inner.getFileName() == null ? "" : inner.getFileName().toString();
            boolean skip = IGNORED_FOLDERS.contains(name) || name.startsWith(".");
            return skip && !inner.equals(folder)
                ? FileVisitResult.SKIP_SUBTREE
                : FileVisitResult.CONTINUE;
          }

          @Override
          public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
            if (attributes.isRegularFile() && isDocument(file)) {
              documents.add(file);
            }
            return FileVisitResult.CONTINUE;
          }

          @Override
          public FileVisitResult visitFileFailed(Path file, IOException e) {
            return FileVisitResult.CONTINUE;
          }
        });
    documents.sort(null);
    return documents;
  }

  /** Reads a file; empty if it is too large, binary, or not a regular file that may be read. */
  static Optional<SourceFile> read(Path path) throws IOException {
    if (!Files.isRegularFile(path, LinkOption.NOFOLLOW_LINKS)
        || !Files.isReadable(path)
        || Files.size(path) > MAX_BYTES) {
      return Optional.empty();
    }
    byte[] bytes = Files.readAllBytes(path);
    String text = decode(bytes);
    return text.indexOf('\0') >= 0
        ? Optional.empty()
        : Optional.of(new SourceFile(path, hash(bytes), text));
  }

  /** Its passages. */
  List<Chunker.Chunk> chunks() {
    String extension = extension(path);
    List<Block> blocks;
    if (HTML.contains(extension)) {
      blocks = HtmlBlocks.html(text);
    } else if (PLAIN.contains(extension)) {
      blocks = MarkdownBlocks.plain(text);
    } else {
      blocks = MarkdownBlocks.markdown(text);
    }
    return Chunker.chunks(text, blocks);
  }

  private static boolean isDocument(Path file) {
    String extension = extension(file);
    return !file.getFileName().toString().startsWith(".")
        && Stream.of(HTML, PLAIN, MARKDOWN).anyMatch(known -> known.contains(extension));
  }

  private static String extension(Path file) {
    String name = file.getFileName().toString().toLowerCase(Locale.ROOT);
    return name.substring(name.lastIndexOf('.') + 1);
  }

  private static String decode(byte[] bytes) {
    String text =
        decode(bytes, StandardCharsets.UTF_8)
            .or(() -> decode(bytes, Charset.forName("GB18030")))
            .orElseGet(() -> new String(bytes, Charset.forName("windows-1252")));
    return text.startsWith("\uFEFF") ? text.substring(1) : text;
  }

  private static Optional<String> decode(byte[] bytes, Charset charset) {
    try {
      return Optional.of(charset.newDecoder().decode(ByteBuffer.wrap(bytes)).toString());
    } catch (CharacterCodingException e) {
      return Optional.empty();
    }
  }

  private static String hash(byte[] bytes) {
    try {
      var digest = MessageDigest.getInstance("SHA-256");
      digest.update(bytes);
      return CUTTING + ":" + HexFormat.of().formatHex(digest.digest());
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JVM has SHA-256", e);
    }
  }
}
