package dev.qwen4j.inference.hub;

import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.HexFormat;
import okhttp3.Response;

/**
 * Brings one file: into {@code NAME.part}, resumed from where an earlier try ended, checked against
 * size and SHA-256, and only then moved to its name. So a file that has its name is whole.
 *
 * <p>A broken connection is taken up again as long as each try brings something new, and a few
 * times when it does not.
 */
final class Download {
  private static final int MOST_FRUITLESS_TRIES = 4;
  private static final int BUFFER = 1 << 16;
  private static final long REPORT_EVERY = 1 << 20;

  private final HubClient client;
  private final RemoteFile file;
  private final String where;
  private final ModelHub.DownloadListener listener;
  private final Duration pause;

  /**
   * Prepares a download.
   *
   * @param where what the user asked for, for messages
   * @param pause before the second try; longer before later ones
   */
  Download(
      HubClient client,
      RemoteFile file,
      String where,
      ModelHub.DownloadListener listener,
      Duration pause) {
    this.client = client;
    this.file = file;
    this.where = where;
    this.listener = listener;
    this.pause = pause;
  }

  /** Downloads to {@code target}, unless it is interrupted; then the part stays for next time. */
  void to(Path target) throws IOException, InterruptedException {
    Path part = target.resolveSibling(target.getFileName() + ".part");
    checkSpace(part);
    MessageDigest digest = sha256();
    try (FileChannel out = FileChannel.open(part, CREATE, READ, WRITE)) {
      if (out.size() > file.bytes()) {
        out.truncate(0);
      }
      hashWhatIsThere(out, digest);
      listener.progress(file.name(), out.position(), file.bytes());
      fetchRest(out, digest);
      out.force(true);
    }
    String found = HexFormat.of().formatHex(digest.digest());
    if (file.sha256() != null && !file.sha256().equals(found)) {
      Files.delete(part);
      throw new HubException(
          "%s: %s came with SHA-256 %s, expected %s; thrown away, try again"
              .formatted(where, file.name(), found, file.sha256()));
    }
    Files.move(part, target, StandardCopyOption.ATOMIC_MOVE);
  }

  private void fetchRest(FileChannel out, MessageDigest digest)
      throws IOException, InterruptedException {
    int fruitless = 0;
    while (out.position() < file.bytes()) {
      long before = out.position();
      IOException failure = fetchOnce(out, digest);
      if (Thread.interrupted()) {
        throw new InterruptedException();
      }
      if (out.position() >= file.bytes()) {
        return;
      }
      fruitless = out.position() > before ? 0 : fruitless + 1;
      if (fruitless == MOST_FRUITLESS_TRIES) {
        throw new HubException(
            "%s: the download of %s from %s stays stuck at %d of %d bytes (%s); run again to resume"
                .formatted(
                    where,
                    file.name(),
                    client.host(),
                    out.position(),
                    file.bytes(),
                    failure.getMessage()),
            failure);
      }
      Thread.sleep(pause.multipliedBy(1L << fruitless));
    }
  }

  /** One request. Returns why it ended, which matters only if bytes are still missing. */
  private IOException fetchOnce(FileChannel out, MessageDigest digest) throws IOException {
    Response response;
    try {
      response = client.open(file, out.position(), where);
    } catch (IOException e) {
      return e;
    }
    try (response) {
      if (response.code() != 206 || !startsAt(response, out.position())) {
        // The server does not resume, or not from here: from the beginning then.
        out.truncate(0);
        out.position(0);
        digest.reset();
        if (response.code() != 200) {
          return new IOException("HTTP " + response.code() + " to a resumed download");
        }
      }
      return copy(response.body().byteStream(), out, digest);
    }
  }

  private IOException copy(InputStream in, FileChannel out, MessageDigest digest)
      throws IOException {
    byte[] buffer = new byte[BUFFER];
    long reported = out.position();
    while (true) {
      int count;
      try {
        count = in.read(buffer);
      } catch (IOException e) {
        return e;
      }
      if (count < 0) {
        return new IOException("the connection ended early");
      }
      if (out.position() + count > file.bytes()) {
        throw new HubException(
            "%s: %s is longer than the %d bytes it was listed with; try again"
                .formatted(where, file.name(), file.bytes()));
      }
      write(ByteBuffer.wrap(buffer, 0, count), out);
      digest.update(buffer, 0, count);
      if (out.position() - reported >= REPORT_EVERY || out.position() == file.bytes()) {
        reported = out.position();
        listener.progress(file.name(), reported, file.bytes());
      }
      if (out.position() == file.bytes()) {
        return new IOException("the connection ended");
      }
    }
  }

  private static void write(ByteBuffer bytes, FileChannel out) throws IOException {
    while (bytes.hasRemaining()) {
      out.write(bytes);
    }
  }

  private static boolean startsAt(Response response, long offset) {
    String range = response.header("Content-Range");
    return range != null && range.startsWith("bytes " + offset + "-");
  }

  private static void hashWhatIsThere(FileChannel out, MessageDigest digest) throws IOException {
    ByteBuffer buffer = ByteBuffer.allocate(BUFFER);
    while (out.read(buffer) >= 0) {
      digest.update(buffer.flip());
      buffer.clear();
    }
  }

  private void checkSpace(Path part) throws IOException {
    long here = Files.exists(part) ? Files.size(part) : 0;
    Path folder = part.toAbsolutePath().getParent();
    long free = folder == null ? Long.MAX_VALUE : Files.getFileStore(folder).getUsableSpace();
    if (file.bytes() - here > free) {
      throw new HubException(
          "%s: %s needs %d MB more in %s, which has %d MB; make room, or set QWEN4J_CACHE"
              .formatted(where, file.name(), (file.bytes() - here) >> 20, folder, free >> 20));
    }
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }
}
