package dev.qwen4j.inference.internal.kernel;

import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/**
 * The vector shapes of this machine, as constants that C2 folds: 128, 256 or 512 bits, the
 * machine's preferred shape unless the system property {@code qwen4j.vector.bits} says otherwise.
 */
final class Lanes {
  static final int BITS = VectorWidth.bits();

  /** Floats: 4, 8 or 16 lanes. */
  static final VectorSpecies<Float> F = VectorSpecies.of(float.class, VectorShape.forBitSize(BITS));

  /** Eight floats, whatever the machine prefers. */
  static final VectorSpecies<Float> F8 = FloatVector.SPECIES_256;

  static final VectorSpecies<Integer> I = VectorSpecies.of(int.class, VectorShape.forBitSize(BITS));

  /** Lanes of {@link #F}. */
  static final int L = F.length();

  /** At least {@link #L} bytes; no species is smaller than 64 bits. */
  static final VectorSpecies<Byte> BF = L == 16 ? ByteVector.SPECIES_128 : ByteVector.SPECIES_64;

  /** {@link #L} shorts. */
  static final VectorSpecies<Short> SF =
      L == 16 ? ShortVector.SPECIES_256 : L == 8 ? ShortVector.SPECIES_128 : ShortVector.SPECIES_64;

  /** Twice {@link #L} shorts: pairs of neighbours in the lanes of {@link #I}. */
  static final VectorSpecies<Short> S = VectorSpecies.of(short.class, F.vectorShape());

  /** As many bytes as {@link #S} has shorts. */
  static final VectorSpecies<Byte> BS =
      VectorSpecies.of(byte.class, VectorShape.forBitSize(BITS / 2));

  static final ByteOrder LE = ByteOrder.LITTLE_ENDIAN;
  static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(LE);
  static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(LE);
  static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(LE);
  static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(LE);

  private Lanes() {}
}
