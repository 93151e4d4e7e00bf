package dev.qwen4j.inference.internal.tokenizer;

import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;

/**
 * Turns the ids of one reply into text as they come. A character whose bytes are spread over tokens
 * is held back until it is whole; bytes that are no UTF-8 become U+FFFD. Not for several threads.
 */
public final class StreamDecoder {
  private final Tokenizer tokenizer;
  private final boolean withControls;
  private final CharsetDecoder utf8 =
      StandardCharsets.UTF_8
          .newDecoder()
          .onMalformedInput(CodingErrorAction.REPLACE)
          .onUnmappableCharacter(CodingErrorAction.REPLACE);

  /** Bytes of a character that is not whole yet: at most three. */
  private byte[] held = new byte[0];

  StreamDecoder(Tokenizer tokenizer, boolean withControls) {
    this.tokenizer = tokenizer;
    this.withControls = withControls;
  }

  /** The text that {@code id} completes, often empty. */
  public String append(int id) {
    if (!withControls && tokenizer.isControl(id)) {
      return "";
    }
    return decode(tokenizer.bytes(id), false);
  }

  /** What is still held back when no more ids come: a broken character, if anything. */
  public String finish() {
    String rest = decode(new byte[0], true);
    utf8.reset();
    return rest;
  }

  private String decode(byte[] bytes, boolean last) {
    ByteBuffer in = ByteBuffer.allocate(held.length + bytes.length);
    in.put(held).put(bytes).flip();
    CharBuffer out = CharBuffer.allocate(in.remaining() + 1);
    utf8.decode(in, out, last);
    if (last) {
      utf8.flush(out);
    }
    held = new byte[in.remaining()];
    in.get(held);
    return out.flip().toString();
  }
}
