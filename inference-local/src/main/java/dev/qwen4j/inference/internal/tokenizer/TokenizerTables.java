package dev.qwen4j.inference.internal.tokenizer;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.zip.CRC32;

/**
 * What a {@link Tokenizer} looks up, as numbers: made from a vocabulary of strings once, which
 * costs half a second of a processor for Qwen's, and then kept in a file, which costs milliseconds
 * to read.
 */
public final class TokenizerTables {
  /** In the first bytes; another number whenever the form changes. */
  private static final long MAGIC = ByteBuffer.wrap("q4jtoks1".getBytes(UTF_8)).getLong();

  final String pre;

  /** The bytes of all tokens end to end; those of {@code id} start at {@code offsets[id]}. */
  final byte[] spelling;

  /** One more than there are ids in use. */
  final int[] offsets;

  /** The ids of added tokens, in their order. */
  final int[] markers;

  /** Those of them that are no text. */
  final int[] controls;

  /** The token of each byte. */
  final int[] byteTokens;

  /** Left, right and merged token of each merge, the most important first. */
  final int[] merges;

  private TokenizerTables(String pre, byte[] spelling, int[][] numbers) {
    this.pre = pre;
    this.spelling = spelling;
    this.offsets = numbers[0];
    this.markers = numbers[1];
    this.controls = numbers[2];
    this.byteTokens = numbers[3];
    this.merges = numbers[4];
  }

  private int[][] numbers() {
    return new int[][] {offsets, markers, controls, byteTokens, merges};
  }

  /**
   * Builds the tables.
   *
   * @throws IllegalArgumentException if the vocabulary is of another kind or contradicts itself;
   *     the message names the field
   */
  public static TokenizerTables of(VocabularyData data) {
    if (!data.model().equals("gpt2")) {
      throw new IllegalArgumentException(
          "tokenizer.ggml.model: expected gpt2 (byte-level BPE), found \""
              + data.model()
              + "\"; take a Qwen checkpoint");
    }
    List<String> tokens = data.tokens();
    if (tokens.size() != data.types().size()) {
      throw new IllegalArgumentException(
          "tokenizer.ggml.token_type: expected %d entries, found %d; the file is damaged"
              .formatted(tokens.size(), data.types().size()));
    }
    PreTokenizer.named(data.pre());
    int size = usedTokens(data);
    int[] offsets = new int[size + 1];
    IntList markers = new IntList();
    IntList controls = new IntList();
    ByteAlphabet alphabet = new ByteAlphabet();
    byte[][] spellings = new byte[size][];
    TokenIndex index = new TokenIndex(tokens);
    for (int id = 0; id < size; id++) {
      String token = tokens.get(id);
      TokenType type = data.types().get(id);
      if (isUnused(data, id)) {
        spellings[id] = new byte[0];
      } else if (type.isMarker()) {
        spellings[id] = token.getBytes(UTF_8);
        markers.add(id);
        if (type == TokenType.CONTROL) {
          controls.add(id);
        }
      } else {
        spellings[id] = alphabet.bytes(token);
        index.add(id);
      }
      offsets[id + 1] = offsets[id] + spellings[id].length;
    }
    byte[] spelling = new byte[offsets[size]];
    for (int id = 0; id < size; id++) {
      System.arraycopy(spellings[id], 0, spelling, offsets[id], spellings[id].length);
    }
    return new TokenizerTables(
        data.pre(),
        spelling,
        new int[][] {
          offsets,
          markers.toArray(),
          controls.toArray(),
          byteTokens(index, alphabet),
          merges(index, data.merges())
        });
  }

  private static int usedTokens(VocabularyData data) {
    int used = data.tokens().size();
    while (used > 0 && isUnused(data, used - 1)) {
      used--;
    }
    return used;
  }

  /**
   * Converters fill the rows that no token uses with [PAD…]; older ones call those user-defined.
   */
  private static boolean isUnused(VocabularyData data, int id) {
    return data.types().get(id) == TokenType.UNUSED
        || (data.types().get(id) != TokenType.NORMAL
            && data.tokens().get(id).equals("[PAD" + id + "]"));
  }

  private static int[] byteTokens(TokenIndex index, ByteAlphabet alphabet) {
    int[] ids = new int[256];
    for (int b = 0; b < ids.length; b++) {
      String letter = alphabet.letter(b);
      ids[b] = index.find(letter, 0, letter.length());
      if (ids[b] < 0) {
        throw missing("the token of byte " + b, letter);
      }
    }
    return ids;
  }

  private static int[] merges(TokenIndex index, List<String> merges) {
    int[] ids = new int[3 * merges.size()];
    for (int rank = 0; rank < merges.size(); rank++) {
      String merge = merges.get(rank);
      int space = merge.indexOf(' ', 1);
      if (space < 0) {
        throw new IllegalArgumentException(
            "tokenizer.ggml.merges[%d]: expected two tokens, found \"%s\"; the file is damaged"
                .formatted(rank, merge));
      }
      int left = index.find(merge, 0, space);
      int right = index.find(merge, space + 1, merge.length());
      int both = index.findWithout(merge, space);
      if (left < 0 || right < 0 || both < 0) {
        String first = merge.substring(0, space);
        String second = merge.substring(space + 1);
        throw missing(
            "a token of merge " + rank, left < 0 ? first : right < 0 ? second : first + second);
      }
      ids[3 * rank] = left;
      ids[3 * rank + 1] = right;
      ids[3 * rank + 2] = both;
    }
    return ids;
  }

  private static IllegalArgumentException missing(String what, String token) {
    return new IllegalArgumentException(
        "tokenizer.ggml.tokens: expected %s, \"%s\", found no such token; the file is damaged"
            .formatted(what, token));
  }

  /** As a file has them: magic, checksum of the rest, then each table behind its length. */
  public byte[] toBytes() {
    byte[] name = pre.getBytes(UTF_8);
    int ints = Arrays.stream(numbers()).mapToInt(table -> 1 + table.length).sum();
    ByteBuffer out = ByteBuffer.allocate(12 + 4 * ints + 8 + name.length + spelling.length);
    out.position(12);
    for (int[] table : numbers()) {
      out.putInt(table.length);
      out.asIntBuffer().put(table);
      out.position(out.position() + 4 * table.length);
    }
    out.putInt(name.length).put(name).putInt(spelling.length).put(spelling).flip();
    out.putLong(0, MAGIC).putInt(8, checksum(out));
    return out.array();
  }

  /**
   * Reads what {@link #toBytes} wrote.
   *
   * @throws IOException if it is anything else
   */
  public static TokenizerTables read(ByteBuffer in) throws IOException {
    if (in.limit() < 12 || in.getLong(0) != MAGIC || in.getInt(8) != checksum(in)) {
      throw new IOException("expected tables of this version with their checksum, found others");
    }
    in.position(12);
    int[][] numbers = new int[5][];
    for (int i = 0; i < numbers.length; i++) {
      numbers[i] = new int[in.getInt()];
      in.asIntBuffer().get(numbers[i]);
      in.position(in.position() + 4 * numbers[i].length);
    }
    byte[] name = new byte[in.getInt()];
    in.get(name);
    byte[] spelling = new byte[in.getInt()];
    in.get(spelling);
    return new TokenizerTables(new String(name, UTF_8), spelling, numbers);
  }

  private static int checksum(ByteBuffer bytes) {
    CRC32 sum = new CRC32();
    sum.update(bytes.slice(12, bytes.limit() - 12));
    return (int) sum.getValue();
  }
}
