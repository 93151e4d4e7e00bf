package dev.qwen4j.inference.internal.kernel;

import static dev.qwen4j.inference.internal.kernel.Lanes.INT;
import static dev.qwen4j.inference.internal.kernel.Lanes.SHORT;

import java.lang.foreign.MemorySegment;
import java.util.EnumSet;
import java.util.Set;

/**
 * An output matrix of 4-bit weights (Q4_0) with a {@link Sketch} to estimate from. The weights are
 * kept whole besides, as {@link NibbleRows}: what is read of a sketch is too far apart for one row.
 */
final class SketchedRows implements EstimatedMatrix {
  private static final Set<Packing> PACKINGS = EnumSet.of(Packing.NIBBLES);

  private final int rows;
  private final int cols;
  private final MemorySegment data;
  private final Sketch sketch;
  private final NibbleRows nibbles;

  /** A matrix of the shape of {@code shape} in {@code data}, {@link #bytes} of them. */
  SketchedRows(RawMatrix shape, MemorySegment data) {
    this.rows = shape.rows();
    this.cols = shape.cols();
    this.data = data;
    this.sketch = new Sketch(shape, data.asSlice(0, sketchBytes(shape)));
    this.nibbles = new NibbleRows(cols, data.asSlice(sketchBytes(shape)));
  }

  static long bytes(RawMatrix raw) {
    return sketchBytes(raw) + NibbleRows.bytes(raw.rows(), raw.cols());
  }

  private static long sketchBytes(RawMatrix raw) {
    return Math.ceilDiv(Sketch.bytes(raw), 64) * 64;
  }

  @Override
  public int rows() {
    return rows;
  }

  @Override
  public int cols() {
    return cols;
  }

  @Override
  public int groupRows() {
    return Sketch.GROUP_ROWS;
  }

  @Override
  public long groupBytes() {
    return sketch.groupBytes();
  }

  @Override
  public long spread(int row) {
    return sketch.spread(row);
  }

  @Override
  public Set<Packing> packings() {
    return PACKINGS;
  }

  @Override
  public long extraBytes() {
    return data.byteSize();
  }

  @Override
  public void dequantizeRow(int row, float[] out, int offset) {
    for (int k = 0; k < cols; k++) {
      out[offset + k] = nibbles.scale(row, k / BLOCK) * (nibbles.get(row, k) - 8);
    }
  }

  @Override
  public void prepare(Activations a) {
    a.forms().columns(a, cols);
    a.forms().tables(a, cols);
  }

  @Override
  public void estimate(int group, Activations a, float[] out) {
    sketch.estimate(group, a, out);
  }

  @Override
  public float product(int row, Activations a, float estimate, Scratch scratch) {
    return nibbles.dot(row, a.forms(), a.forms().noRest, scratch);
  }

  @Override
  public void products(int from, int to, Activations a, Scratch scratch, float[] out, int at) {
    int row = from;
    for (; row + NibbleRows.TOGETHER <= to; row += NibbleRows.TOGETHER) {
      nibbles.dots(row, a.forms(), a.forms().noRest, scratch, out, at + row);
    }
    for (; row < to; row++) {
      out[at + row] = product(row, a, 0, scratch);
    }
  }

  @Override
  public Packer packer(RawMatrix raw) {
    Sketch.GroupPacker sketches = sketch.new GroupPacker(raw);
    byte[] bytes = nibbles.emptyRow();
    short[] fours = new short[BLOCK / 4];
    return group -> {
      sketches.pack(group);
      int end = Math.min((group + 1) * groupRows(), rows);
      for (int row = group * groupRows(); row < end; row++) {
        packRow(raw, row, bytes, fours);
      }
    };
  }

  private void packRow(RawMatrix raw, int row, byte[] bytes, short[] fours) {
    long from = row * raw.type().bytes(cols);
    for (int b = 0; b < cols / BLOCK; b++) {
      long at = from + (long) b * raw.type().blockBytes();
      for (int i = 0; i < BLOCK / 4; i++) {
        fours[i] = NibbleRows.lowBits(raw.data().get(INT, at + 2 + i % 4 * 4L) >>> (i / 4 * 4));
      }
      NibbleRows.put(bytes, b, raw.data().get(SHORT, at), fours);
    }
    nibbles.set(row, bytes);
  }
}
