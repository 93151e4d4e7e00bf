package dev.qwen4j.tools;

import java.io.BufferedInputStream;
import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.Reader;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.Charset;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A text file read line by line in bounded memory, whatever is in it.
 *
 * <p>The encoding is taken from a byte order mark; without one it is UTF-8 if the first 64 KiB are
 * valid UTF-8, else GB18030 if every run of high bytes has an even length (as Chinese text has, and
 * accented Latin letters seldom), else windows-1252. A NUL or more than 30 % control characters in
 * the first 8 KiB mean a binary file. Lines end with LF or CRLF.
 */
final class TextFile implements Closeable {
  private static final int SAMPLE = 64 * 1024;
  private static final int BINARY_SAMPLE = 8 * 1024;

  private final Reader reader;
  private final Charset charset;
  private final char[] buffer = new char[16 * 1024];
  private int position;
  private int limit;

  private TextFile(Reader reader, Charset charset) {
    this.reader = reader;
    this.charset = charset;
  }

  /**
   * Opens {@code file}; empty if it is binary.
   *
   * @throws Refusal if it is not a regular file: reading a pipe or a device may never end
   */
  static Optional<TextFile> open(Path file) throws IOException, Refusal {
    var attributes =
        Files.readAttributes(file, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
    if (!attributes.isRegularFile()) {
      throw new Refusal(
          file.getFileName() + " is not a regular file (a pipe, socket, device or link).");
    }
    InputStream bytes =
        new BufferedInputStream(Files.newInputStream(file, LinkOption.NOFOLLOW_LINKS), SAMPLE);
    try {
      bytes.mark(SAMPLE);
      byte[] sample = bytes.readNBytes(SAMPLE);
      bytes.reset();
      Charset marked = byteOrderMark(sample);
      if (marked == null && isBinary(sample)) {
        bytes.close();
        return Optional.empty();
      }
      Charset charset = marked == null ? guess(sample) : marked;
      if (marked != null) {
        bytes.skipNBytes(marked.equals(StandardCharsets.UTF_8) ? 3 : 2);
      }
      return Optional.of(new TextFile(new InputStreamReader(bytes, charset), charset));
    } catch (IOException | RuntimeException e) {
      bytes.close();
      throw e;
    }
  }

  /** The encoding it is read in. */
  Charset charset() {
    return charset;
  }

  /**
   * Reads the next line into {@code line}, without its line end.
   *
   * @param keep how many characters to keep; the rest of a longer line is only counted
   * @return how long the line really is; -1 at the end of the file
   */
  long readLine(StringBuilder line, int keep) throws IOException {
    line.setLength(0);
    long length = 0;
    boolean lastIsReturn = false;
    while (true) {
      if (position == limit) {
        limit = Math.max(reader.read(buffer, 0, buffer.length), 0);
        position = 0;
        if (limit == 0) {
          return length == 0 ? -1 : length;
        }
      }
      int start = position;
      while (position < limit && buffer[position] != '\n') {
        position++;
      }
      int count = position - start;
      if (count > 0) {
        line.append(buffer, start, Math.min(count, Math.max(0, keep - line.length())));
        length += count;
        lastIsReturn = buffer[position - 1] == '\r';
      }
      if (position < limit) {
        position++;
        if (lastIsReturn) {
          length--;
          line.setLength((int) Math.min(line.length(), length));
        }
        return length;
      }
    }
  }

  @Override
  public void close() throws IOException {
    reader.close();
  }

  private static @Nullable Charset byteOrderMark(byte[] bytes) {
    if (bytes.length >= 3
        && bytes[0] == (byte) 0xEF
        && bytes[1] == (byte) 0xBB
        && bytes[2] == (byte) 0xBF) {
      return StandardCharsets.UTF_8;
    }
    if (bytes.length >= 2 && bytes[0] == (byte) 0xFF && bytes[1] == (byte) 0xFE) {
      return StandardCharsets.UTF_16LE;
    }
    if (bytes.length >= 2 && bytes[0] == (byte) 0xFE && bytes[1] == (byte) 0xFF) {
      return StandardCharsets.UTF_16BE;
    }
    return null;
  }

  private static boolean isBinary(byte[] bytes) {
    int size = Math.min(bytes.length, BINARY_SAMPLE);
    int controls = 0;
    for (int i = 0; i < size; i++) {
      int b = bytes[i];
      if (b == 0) {
        return true;
      }
      if (b > 0 && b < ' ' && b != '\t' && b != '\n' && b != '\r' && b != '\f' && b != 27) {
        controls++;
      }
    }
    return controls > size * 0.3;
  }

  private static Charset guess(byte[] sample) {
    if (decodes(sample, StandardCharsets.UTF_8)) {
      return StandardCharsets.UTF_8;
    }
    Charset chinese = Charset.forName("GB18030");
    return highRunsAreEven(sample) && decodes(sample, chinese)
        ? chinese
        : Charset.forName("windows-1252");
  }

  /** Whether the bytes are valid; a character cut at the end of the sample is no fault. */
  private static boolean decodes(byte[] bytes, Charset charset) {
    var decoder =
        charset
            .newDecoder()
            .onMalformedInput(CodingErrorAction.REPORT)
            .onUnmappableCharacter(CodingErrorAction.REPORT);
    boolean whole = bytes.length < SAMPLE;
    return !decoder
        .decode(ByteBuffer.wrap(bytes), CharBuffer.allocate(bytes.length + 1), whole)
        .isError();
  }

  private static boolean highRunsAreEven(byte[] bytes) {
    int run = 0;
    for (byte b : bytes) {
      if (b < 0) {
        run++;
      } else if (run % 2 != 0) {
        return false;
      } else {
        run = 0;
      }
    }
    return true;
  }
}
