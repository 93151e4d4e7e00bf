package dev.qwen4j.inference.internal.kernel;

import java.lang.foreign.MemorySegment;
import java.util.EnumSet;
import java.util.Set;

/**
 * An output matrix of a packed type (Q6_K) with a {@link Sketch} to estimate from. Candidates are
 * multiplied by groups of rows, as the whole matrix is where all products are wanted: that is why
 * its groups are to have few rows.
 */
final class SketchedGroups implements EstimatedMatrix {
  private final PackedMatrix whole;
  private final Sketch sketch;
  private final MemorySegment data;
  private final Set<Packing> packings;

  /** A sketch of {@code shape} in {@code data}, {@link Sketch#bytes} of them, before the whole. */
  SketchedGroups(RawMatrix shape, MemorySegment data, PackedMatrix whole) {
    this.whole = whole;
    this.sketch = new Sketch(shape, data);
    this.data = data;
    this.packings = EnumSet.of(whole.packing());
  }

  /** The same weights as they are multiplied without estimates. */
  PackedMatrix whole() {
    return whole;
  }

  @Override
  public int rows() {
    return whole.rows();
  }

  @Override
  public int cols() {
    return whole.cols();
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
    return packings;
  }

  @Override
  public long extraBytes() {
    return whole.extraBytes() + data.byteSize();
  }

  @Override
  public void dequantizeRow(int row, float[] out, int offset) {
    whole.dequantizeRow(row, out, offset);
  }

  @Override
  public void prepare(Activations a) {
    a.forms().tables(a, cols());
  }

  @Override
  public void estimate(int group, Activations a, float[] out) {
    sketch.estimate(group, a, out);
  }

  @Override
  public float product(int row, Activations a, float estimate, Scratch scratch) {
    int groupRows = whole.packing().groupRows();
    float[] group = scratch.row(groupRows);
    PackedDots.multiply(whole, row / groupRows, 1, a, scratch, group, -row / groupRows * groupRows);
    return group[row % groupRows];
  }

  @Override
  public void products(int from, int to, Activations a, Scratch scratch, float[] out, int at) {
    int groupRows = whole.packing().groupRows();
    for (int row = from; row < to; row += groupRows) {
      PackedDots.multiply(whole, row / groupRows, 1, a, scratch, out, at);
    }
  }

  @Override
  public Packer packer(RawMatrix raw) {
    return sketch.new GroupPacker(raw)::pack;
  }
}
