package dev.qwen4j.inference.internal.kernel;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * The keys or the values of one head, position by position, in pages: what grows is never copied,
 * and takes no more memory than a page beyond what is written. Heads of sequences that begin alike
 * have their first pages in common until one writes there.
 */
final class KvHead {
  /** Positions of a page. */
  static final int PAGE = 256;

  private final KvType type;
  private final int headDim;
  private final int maxPositions;
  private final List<KvRows> pages = new ArrayList<>();
  private int shared; // so many of the first pages another head has too, or had

  /** Without a page; there will be no more rows than {@code maxPositions}. */
  KvHead(KvType type, int headDim, int maxPositions) {
    this.type = type;
    this.headDim = headDim;
    this.maxPositions = maxPositions;
  }

  int headDim() {
    return headDim;
  }

  /** Makes room for so many rows from a position on, which only this head will see. */
  void reserve(int position, int rows) {
    while (shared > position / PAGE) {
      shared--;
      pages.set(shared, pages.get(shared).copy());
    }
    while (pages.size() * PAGE < position + rows) {
      int room = Math.min(PAGE, maxPositions - pages.size() * PAGE);
      pages.add(KvRows.of(type, headDim, room));
    }
  }

  /** Writes {@code x[at … at + headDim)} as the row of a position that there is room for. */
  void write(int position, float[] x, int at) {
    pages.get(position / PAGE).write(position % PAGE, x, at);
  }

  /** Reads the rows of {@code count} positions from {@code position} on: [count, headDim]. */
  void read(int position, int count, float[] out) {
    for (int done = 0; done < count; ) {
      int row = (position + done) % PAGE;
      int n = Math.min(count - done, PAGE - row);
      pages.get((position + done) / PAGE).read(row, n, out, done * headDim);
      done += n;
    }
  }

  /** The page of a position, of a cache in half precision: [{@link #PAGE}, headDim]. */
  short[] halves(int position) {
    return ((KvRows.Halves) pages.get(position / PAGE)).values();
  }

  /** Knows the first rows of another head of the same shape and type; both may go on. */
  void copy(KvHead other, int positions) {
    int whole = positions / PAGE;
    pages.clear();
    pages.addAll(other.pages.subList(0, whole));
    shared = whole;
    other.shared = Math.max(other.shared, whole);
    if (positions > whole * PAGE) {
      pages.add(other.pages.get(whole).copy());
    }
  }

  /** Puts the rows of the first {@code count} positions, as they are kept, to {@code out}. */
  void store(int count, ByteBuffer out) {
    for (int from = 0; from < count; from += PAGE) {
      pages.get(from / PAGE).store(Math.min(PAGE, count - from), out);
    }
  }

  /**
   * Takes the first {@code count} rows, which there is room for, from {@code in}, where {@code
   * stored} of them lie.
   */
  void load(int stored, int count, ByteBuffer in) {
    for (int from = 0; from < count; from += PAGE) {
      int there = Math.min(PAGE, stored - from);
      pages.get(from / PAGE).load(there, Math.min(there, count - from), in);
    }
    int read = Math.min(stored, Math.ceilDiv(count, PAGE) * PAGE);
    KvRows.skip(in, (stored - read) * type.bytes(headDim));
  }
}
