package dev.qwen4j.model;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PushbackInputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import okhttp3.Call;

/**
 * The body of a streamed response: its reads are timed by a {@link CallWatch}, a byte order mark
 * before it is skipped, its beginning is kept for error messages, and closing it early ends the
 * call at once from any thread (closing okhttp's own stream would first read on, to save the
 * connection).
 */
final class WatchedBody extends FilterInputStream {
  private static final int START_BYTES = 512;
  private static final byte[] BYTE_ORDER_MARK = {(byte) 0xEF, (byte) 0xBB, (byte) 0xBF};

  private final PushbackInputStream bytes;
  private final Call call;
  private final CallWatch watch;
  private final byte[] start = new byte[START_BYTES];
  private int startLength;
  private boolean begun;
  private volatile boolean ended;

  WatchedBody(InputStream in, Call call, CallWatch watch) {
    this(new PushbackInputStream(in, BYTE_ORDER_MARK.length), call, watch);
  }

  private WatchedBody(PushbackInputStream bytes, Call call, CallWatch watch) {
    super(bytes);
    this.bytes = bytes;
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
      if (!begun) {
        begun = true;
        skipByteOrderMark();
      }
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

  private void skipByteOrderMark() throws IOException {
    byte[] first = bytes.readNBytes(BYTE_ORDER_MARK.length);
    if (!Arrays.equals(first, BYTE_ORDER_MARK)) {
      bytes.unread(first);
    }
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
