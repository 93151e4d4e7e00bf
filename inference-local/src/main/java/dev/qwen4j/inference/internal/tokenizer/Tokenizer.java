package dev.qwen4j.inference.internal.tokenizer;

import dev.qwen4j.inference.internal.template.Prompt;
import java.nio.charset.StandardCharsets;
import java.text.Normalizer;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Qwen's byte-level BPE, from text to token ids and back.
 *
 * <p>Text goes through NFC normalisation, {@linkplain PreTokenizer splitting} and {@linkplain
 * BytePairs merging}, as in HuggingFace tokenizers (llama.cpp does not normalise, so the two differ
 * on decomposed text; Qwen was trained with the former). Markers such as {@code <|im_end|>} are
 * looked for only where the caller vouches for the text: an ordinary string that spells one is
 * encoded as the characters it is. Immutable but for a bounded cache of words; safe to share.
 */
public final class Tokenizer {
  private static final int LONGEST_CACHED_WORD = 48;
  private static final int MOST_CACHED_WORDS = 16_384;

  private final PreTokenizer pre;
  private final BytePairs pairs;
  private final Markers markers = new Markers();
  private final int size;

  /** The bytes of all tokens end to end; those of {@code id} start at {@code offsets[id]}. */
  private final byte[] spelling;

  private final int[] offsets;
  private final boolean[] control;
  private final Map<String, int[]> cache = new ConcurrentHashMap<>();

  /** A tokenizer that looks up {@code tables}. */
  public Tokenizer(TokenizerTables tables) {
    pre = PreTokenizer.named(tables.pre);
    size = tables.offsets.length - 1;
    spelling = tables.spelling;
    offsets = tables.offsets;
    control = new boolean[size];
    for (int id : tables.controls) {
      control[id] = true;
    }
    for (int id : tables.markers) {
      markers.add(new String(bytes(id), StandardCharsets.UTF_8), id);
    }
    pairs = new BytePairs(tables.byteTokens, tables.merges);
  }

  /** How many ids are in use; the rows of the output matrix beyond are padding. */
  public int size() {
    return size;
  }

  /** The id of a marker by its text, as {@code <|im_end|>}; empty if this vocabulary has none. */
  public OptionalInt id(String marker) {
    return markers.id(marker);
  }

  /** Whether the token steers the model and is no text. False for ids that do not exist. */
  public boolean isControl(int id) {
    return id >= 0 && id < size && control[id];
  }

  /** Encodes text from anywhere: markers in it are only characters. */
  public int[] encode(String text) {
    IntList ids = new IntList();
    encodeText(text, ids);
    return ids.toArray();
  }

  /** Encodes text whose author may use markers. */
  public int[] encodeWithMarkers(String text) {
    return encode(new Prompt(List.of(new Prompt.Piece(text, true)), false));
  }

  /** Encodes a rendered conversation: markers count in the template's own words alone. */
  public int[] encode(Prompt prompt) {
    IntList ids = new IntList();
    StringBuilder text = new StringBuilder();
    for (Prompt.Piece piece : prompt.pieces()) {
      if (piece.trusted()) {
        markers.split(
            piece.text(),
            text::append,
            marker -> {
              encodeText(text.toString(), ids);
              text.setLength(0);
              ids.add(marker);
            });
      } else {
        text.append(piece.text());
      }
    }
    encodeText(text.toString(), ids);
    return ids.toArray();
  }

  /** The text of all ids together, markers included. */
  public String decode(int[] ids) {
    StreamDecoder decoder = new StreamDecoder(this, true);
    StringBuilder text = new StringBuilder();
    for (int id : ids) {
      text.append(decoder.append(id));
    }
    return text.append(decoder.finish()).toString();
  }

  /** A decoder for one reply; it leaves control tokens out. */
  public StreamDecoder streamDecoder() {
    return new StreamDecoder(this, false);
  }

  /** The bytes that an id stands for; none for padding and ids that do not exist. */
  public byte[] bytes(int id) {
    if (id < 0 || id >= size) {
      return new byte[0];
    }
    byte[] bytes = new byte[offsets[id + 1] - offsets[id]];
    System.arraycopy(spelling, offsets[id], bytes, 0, bytes.length);
    return bytes;
  }

  private void encodeText(String raw, IntList ids) {
    encodeNormalised(Normalizer.normalize(wellFormed(raw), Normalizer.Form.NFC), ids);
  }

  /** Encodes text as it is, which is what llama.cpp does. */
  void encodeNormalised(String text, IntList ids) {
    BytePairs.Merging merging = pairs.new Merging();
    for (int start = 0; start < text.length(); ) {
      int end = pre.end(text, start);
      encodePiece(text.substring(start, end), merging, ids);
      start = end;
    }
  }

  /** Half a surrogate pair has no UTF-8: it becomes U+FFFD, as broken bytes do. */
  private static String wellFormed(String text) {
    if (text.chars().noneMatch(c -> Character.isSurrogate((char) c))) {
      return text;
    }
    StringBuilder repaired = new StringBuilder(text.length());
    text.codePoints()
        .map(c -> c >= Character.MIN_SURROGATE && c <= Character.MAX_SURROGATE ? 0xFFFD : c)
        .forEach(repaired::appendCodePoint);
    return repaired.toString();
  }

  private void encodePiece(String piece, BytePairs.Merging merging, IntList ids) {
    int[] cached = cache.get(piece);
    if (cached != null) {
      ids.addAll(cached);
      return;
    }
    int before = ids.size();
    merging.encode(piece.getBytes(StandardCharsets.UTF_8), ids);
    if (piece.length() <= LONGEST_CACHED_WORD) {
      if (cache.size() >= MOST_CACHED_WORDS) {
        cache.clear();
      }
      cache.put(piece, ids.toArray(before));
    }
  }
}
