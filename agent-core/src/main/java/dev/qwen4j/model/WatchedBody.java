package dev.qwen4j.model;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import okhttp3.Call;

/**
 * The body of a streamed response: its reads are timed by a {@link CallWatch}, its beginning is
 * kept for error messages, and closing it early ends the call at once from any thread (closing
 * okhttp's own stream would first read on, to save the connection).
 */
final class WatchedBody extends FilterInputStream {
  private static final int START_BYTES = 512;

  private final Call call;
  private final CallWatch watch;
  private final byte[] start = new byte[START_BYTES];
  private int startLength;
  private volatile boolean ended;

  WatchedBody(InputStream in, Call call, CallWatch watch) {
    super(in);
    this.call = call;
    this.watch = watch;
  }

  @Override
  public int read() throws IOException {
    byte[] one = new byte[1];
    return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
  }

  @Override
  public int read(byte[] target, int offset, int length) throws IOException {
    watch.waiting();
    int count;
    try {
      count = super.read(target, offset, length);
    } finally {
      watch.resumed();
    }
    if (count < 0) {
      ended = true;
    } else {
      int kept = Math.min(count, START_BYTES - startLength);
      System.arraycopy(target, offset, start, startLength, kept);
      startLength += kept;
    }
    return count;
  }

  /** The first bytes that were received, as text. */
  String start() {
    return new String(start, 0, startLength, StandardCharsets.UTF_8);
  }

  @Override
  public void close() {
    if (!ended) {
      call.cancel();
    }
  }
}
