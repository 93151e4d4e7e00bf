package dev.qwen4j.inference.internal.weights;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.qwen4j.inference.internal.kernel.TensorType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.Test;

class TensorMemoryTest {
  private static final int ROWS = 5_000;
  private static final int COLS = 96;

  private final List<Arena> loans = new CopyOnWriteArrayList<>();

  /** Rows of their own number, which only those who borrowed them may write. */
  private final class Numbered implements RowSource {
    private final boolean lent;
    private final long broken;

    Numbered(boolean lent, long broken) {
      this.lent = lent;
      this.broken = broken;
    }

    @Override
    public TensorType type() {
      return TensorType.F32;
    }

    @Override
    public long rows() {
      return ROWS;
    }

    @Override
    public int cols() {
      return COLS;
    }

    @Override
    public RowSource lent(Arena loan) {
      loans.add(loan);
      return new Numbered(true, broken);
    }

    @Override
    public void write(long first, int rows, MemorySegment out, long at) {
      assertThat(lent).isTrue();
      assertThat(loans.getLast().scope().isAlive()).isTrue();
      for (long r = first; r < first + rows; r++) {
        if (r == broken) {
          throw new IllegalStateException("row " + r);
        }
        for (int c = 0; c < COLS; c++) {
          out.setAtIndex(
              ValueLayout.JAVA_FLOAT_UNALIGNED, at / 4 + (r - first) * COLS + c, (float) r);
        }
      }
    }
  }

  @Test
  void filesAreMappedForNoLongerThanTheyAreRead() {
    try (Arena arena = Arena.ofShared()) {
      TensorSource source = TensorSource.matrix("t", new Numbered(false, -1));
      MemorySegment written = new TensorMemory(source, arena, 3).get();
      for (int r = 0; r < ROWS; r++) {
        assertThat(written.getAtIndex(ValueLayout.JAVA_FLOAT, (long) r * COLS))
            .isEqualTo((float) r);
        assertThat(written.getAtIndex(ValueLayout.JAVA_FLOAT, (long) r * COLS + COLS - 1))
            .isEqualTo((float) r);
      }
    }
    assertThat(loans).hasSize(1).noneMatch(loan -> loan.scope().isAlive());
  }

  @Test
  void norIfThatFails() {
    try (Arena arena = Arena.ofShared()) {
      TensorSource source = TensorSource.matrix("t", new Numbered(false, ROWS - 1));
      assertThatThrownBy(() -> new TensorMemory(source, arena, 3).get())
          .hasMessageContaining("row " + (ROWS - 1));
    }
    assertThat(loans).hasSize(1).noneMatch(loan -> loan.scope().isAlive());
  }
}
