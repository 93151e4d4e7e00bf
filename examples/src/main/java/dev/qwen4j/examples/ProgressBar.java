package dev.qwen4j.examples;

import dev.qwen4j.inference.hub.ModelHub.DownloadListener;
import java.time.Duration;

/**
 * How far a download is, or the writing of a copy: a line that moves where stderr is a terminal,
 * and elsewhere one line that says what is being waited for. Silent when there is nothing to wait
 * for.
 */
final class ProgressBar implements DownloadListener, AutoCloseable {
  private static final Duration REFRESH = Duration.ofMillis(200);
  private static final int WIDTH = 30;

  private final Surroundings surroundings;
  private final String doing;
  private boolean begun;
  private boolean midLine;
  private long firstBytes;
  private long startedNanos;
  private long shownNanos;

  /**
   * @param doing what is done to the file, such as {@code downloading}
   */
  ProgressBar(Surroundings surroundings, String doing) {
    this.surroundings = surroundings;
    this.doing = doing;
  }

  @Override
  public void progress(String file, long bytes, long totalBytes) {
    long now = System.nanoTime();
    if (!begun) {
      begun = true;
      firstBytes = bytes;
      startedNanos = now;
      if (!surroundings.isTerminal("err")) {
        surroundings.complain(
            doing + " " + file + " (" + megabytes(totalBytes) + " MB), which is kept …");
      }
    }
    boolean due = now - shownNanos >= REFRESH.toNanos() || bytes == totalBytes;
    if (!surroundings.isTerminal("err") || !due) {
      return;
    }
    shownNanos = now;
    double part = totalBytes <= 0 ? 0 : (double) bytes / totalBytes;
    double seconds = Math.max(1e-3, (now - startedNanos) / 1e9);
    int full = (int) (part * WIDTH);
    surroundings
        .err()
        .printf(
            "\r%s [%s%s] %3.0f %% of %d MB, %.1f MB/s \u001b[K",
            file,
            "#".repeat(full),
            " ".repeat(WIDTH - full),
            part * 100,
            megabytes(totalBytes),
            (bytes - firstBytes) / 1e6 / seconds);
    surroundings.err().flush();
    midLine = true;
  }

  private static long megabytes(long bytes) {
    return Math.round(bytes / 1e6);
  }

  /** Leaves the cursor on a line of its own. */
  @Override
  public void close() {
    if (midLine) {
      surroundings.err().println();
      surroundings.err().flush();
    }
  }
}
