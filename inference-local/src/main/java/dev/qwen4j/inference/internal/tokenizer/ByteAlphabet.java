package dev.qwen4j.inference.internal.tokenizer;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * GPT-2's way of writing bytes as visible characters: the printable ones of Latin-1 stand for
 * themselves, the other 68 are U+0100 and up. Vocabularies and merges are written in it.
 */
final class ByteAlphabet {
  private final char[] letters = new char[256];
  private final short[] bytes = new short[256 + 68];

  ByteAlphabet() {
    Arrays.fill(bytes, (short) -1);
    char next = 256;
    for (int b = 0; b < 256; b++) {
      boolean printable = (b >= '!' && b <= '~') || (b >= 0xA1 && b != 0xAD);
      letters[b] = printable ? (char) b : next++;
      bytes[letters[b]] = (short) b;
    }
  }

  String letter(int unsignedByte) {
    return String.valueOf(letters[unsignedByte]);
  }

  /** The bytes that {@code token} spells; its UTF-8 if it is not written in this alphabet. */
  byte[] bytes(String token) {
    byte[] spelled = new byte[token.length()];
    for (int i = 0; i < spelled.length; i++) {
      char c = token.charAt(i);
      if (c >= bytes.length || bytes[c] < 0) {
        return token.getBytes(StandardCharsets.UTF_8);
      }
      spelled[i] = (byte) bytes[c];
    }
    return spelled;
  }
}
