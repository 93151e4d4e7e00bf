package dev.qwen4j.inference.internal.kernel;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;

/** The lattice points that the IQ types index, coordinate after coordinate. */
final class Grids {
  private static final Map<String, byte[]> GRIDS = read();

  /** Points of eight coordinates. */
  static final byte[] IQ2_XXS = grid("IQ2_XXS");

  static final byte[] IQ2_XS = grid("IQ2_XS");
  static final byte[] IQ2_S = grid("IQ2_S");
  static final byte[] IQ1 = grid("IQ1_S");

  /** Points of four coordinates. */
  static final byte[] IQ3_XXS = grid("IQ3_XXS");

  static final byte[] IQ3_S = grid("IQ3_S");

  private Grids() {}

  private static byte[] grid(String name) {
    byte[] grid = GRIDS.get(name);
    if (grid == null) {
      throw new IllegalStateException("grids.txt lacks " + name);
    }
    return grid;
  }

  private static Map<String, byte[]> read() {
    String text;
    try (InputStream in = Grids.class.getResourceAsStream("grids.txt")) {
      if (in == null) {
        throw new IllegalStateException("grids.txt is not beside Grids.class");
      }
      text = new String(in.readAllBytes(), UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    Map<String, byte[]> grids = new HashMap<>();
    String name = "";
    byte[] values = {};
    for (String line : text.lines().filter(line -> !line.startsWith("#")).toList()) {
      if (line.indexOf(' ') > 0) {
        List<String> words = List.of(line.split(" "));
        name = words.getFirst();
        values = new byte[words.size() - 1];
        for (int i = 0; i < values.length; i++) {
          values[i] = Byte.parseByte(words.get(i + 1));
        }
      } else {
        grids.merge(name, points(HexFormat.of().parseHex(line), values), Grids::joined);
      }
    }
    return grids;
  }

  private static byte[] points(byte[] packed, byte[] values) {
    int bits = values.length > 4 ? 4 : 2;
    byte[] points = new byte[packed.length * 8 / bits];
    for (int i = 0; i < points.length; i++) {
      int at = i * bits;
      points[i] = values[packed[at / 8] >> (at % 8) & ((1 << bits) - 1)];
    }
    return points;
  }

  private static byte[] joined(byte[] start, byte[] end) {
    byte[] all = Arrays.copyOf(start, start.length + end.length);
    System.arraycopy(end, 0, all, start.length, end.length);
    return all;
  }
}
