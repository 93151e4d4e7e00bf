package dev.qwen4j.inference.internal.arch;

import dev.qwen4j.inference.internal.kernel.KvLayer;
import dev.qwen4j.inference.internal.kernel.KvType;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;

/**
 * What a model remembers of one sequence: how far it has read, and what each layer kept of it.
 *
 * <p>Attention layers can forget any number of the last positions. Recurrent layers cannot: a
 * sequence that has them goes back to a {@link #checkpoint()}, or to its start.
 */
public final class SequenceState {
  /** Checkpoints kept: the shortest, which many requests share, and the latest. */
  private static final int MOST_CHECKPOINTS = 3;

  /** The memory of recurrent layers besides checkpoints: before a pass, and after it. */
  private static final int MEMORIES = 2;

  /** What one layer remembers. */
  sealed interface Layer permits Attention, DeltaState {}

  /** Keys and values of every position: any of them can be forgotten again. */
  record Attention(KvLayer kv) implements Layer {}

  private final List<Layer> layers;
  private final List<DeltaState> recurrent;
  private final int maxPositions;
  private final NavigableMap<Integer, List<DeltaState.Snapshot>> checkpoints = new TreeMap<>();
  private int position;
  private int lasting; // a position whose checkpoint makes no room for others

  SequenceState(List<Layer> layers, int maxPositions) {
    this.layers = List.copyOf(layers);
    this.maxPositions = maxPositions;
    this.recurrent = new ArrayList<>();
    for (Layer layer : layers) {
      if (layer instanceof DeltaState delta) {
        recurrent.add(delta);
      }
    }
  }

  /** The state of a model all of whose layers attend. */
  static SequenceState ofAttention(
      int layers, AttentionBlock attention, int maxPositions, KvType type) {
    List<Layer> states = new ArrayList<>();
    for (int l = 0; l < layers; l++) {
      states.add(new Attention(attention.start(maxPositions, type)));
    }
    return new SequenceState(states, maxPositions);
  }

  /** Tokens read so far, which is the position of the next one. */
  public int position() {
    return position;
  }

  public int maxPositions() {
    return maxPositions;
  }

  /** Whether {@link #rewind} may have to forget more than it was asked to. */
  public boolean rewindsToCheckpointsOnly() {
    return !recurrent.isEmpty();
  }

  /**
   * Forgets everything from {@code to} on, and where the state is recurrent what lies between the
   * last checkpoint and {@code to} as well.
   *
   * @return the new position, {@code to} or less
   */
  public int rewind(int to) {
    if (to < 0 || to > position) {
      throw new IllegalArgumentException(
          "cannot rewind to position %d, only %d have been read".formatted(to, position));
    }
    if (to == position) {
      return position;
    }
    checkpoints.tailMap(to, false).clear();
    position = recurrent.isEmpty() ? to : restore();
    return position;
  }

  /** Where {@link #rewind} to {@code to} would end. */
  public int reach(int to) {
    if (recurrent.isEmpty() || to == position) {
      return to;
    }
    Map.Entry<Integer, List<DeltaState.Snapshot>> checkpoint = checkpoints.floorEntry(to);
    return checkpoint == null ? 0 : checkpoint.getKey();
  }

  /**
   * Knows what {@code other} does of its first positions, without reading them.
   *
   * @param other of the same model; it stays as it is
   * @param to a position that it can {@link #reach}
   */
  public void copy(SequenceState other, int to) {
    if (position != 0 || other.reach(to) != to) {
      throw new IllegalArgumentException(
          "cannot copy %d of %d positions to a sequence of %d"
              .formatted(to, other.position, position));
    }
    if (to == 0) {
      return;
    }
    for (int l = 0; l < layers.size(); l++) {
      if (layers.get(l) instanceof Attention(KvLayer kv)) {
        kv.copy(other.attention(l), to);
      }
    }
    if (!recurrent.isEmpty()) {
      checkpoints.putAll(other.checkpoints.headMap(to, false));
      checkpoints.put(to, other.snapshots(to));
      lasting = other.lasting;
      restore();
    }
    position = to;
  }

  /**
   * The last positions that recurrent layers can go on from: a checkpoint and the present one. None
   * where there are no such layers, which go on from all.
   */
  public int[] lastPoints() {
    Integer checkpoint = checkpoints.lowerKey(position);
    if (recurrent.isEmpty()) {
      return new int[0];
    }
    return checkpoint == null ? new int[] {position} : new int[] {checkpoint, position};
  }

  /** What leads back to a position that it can {@link #reach}. */
  private List<DeltaState.Snapshot> snapshots(int at) {
    List<DeltaState.Snapshot> there = checkpoints.get(at);
    return there != null ? there : recurrent.stream().map(DeltaState::snapshot).toList();
  }

  /** Bytes of one checkpoint; none where no layer is recurrent. */
  public long checkpointBytes() {
    return recurrent.stream().mapToLong(DeltaState::bytes).sum();
  }

  /** Bytes of what recurrent layers remember, which do not grow with every position. */
  public long fixedBytes() {
    return (MEMORIES + checkpoints.size()) * checkpointBytes();
  }

  /**
   * Puts what it keeps of the first positions to {@code out}, and the checkpoints: as many bytes as
   * that takes in memory.
   *
   * @param points where it is to lead back to: positions that it can {@link #reach}, rising up to
   *     {@code positions}; none where layers are not recurrent
   */
  public void store(int positions, int[] points, ByteBuffer out) {
    for (Layer layer : layers) {
      if (layer instanceof Attention(KvLayer kv)) {
        kv.store(positions, out);
      }
    }
    for (int point : points) {
      snapshots(point).forEach(snapshot -> snapshot.store(out));
    }
  }

  /**
   * Knows the first positions of what a state of the same model and type has stored, without
   * reading them.
   *
   * @param stored how many positions that are
   * @param points which it leads back to
   * @param to how many positions are wanted; one of the points where layers are recurrent
   */
  public void load(int stored, int[] points, int to, ByteBuffer in) {
    boolean fits = recurrent.isEmpty() ? points.length == 0 : Arrays.binarySearch(points, to) >= 0;
    if (position != 0 || to > stored || !fits) {
      throw new IllegalArgumentException(
          "cannot load %d of %d positions, with checkpoints at %s, to a sequence of %d"
              .formatted(to, stored, Arrays.toString(points), position));
    }
    for (Layer layer : layers) {
      if (layer instanceof Attention(KvLayer kv)) {
        kv.load(stored, to, in);
      }
    }
    NavigableMap<Integer, List<DeltaState.Snapshot>> loaded = new TreeMap<>();
    for (int point : points) {
      loaded.put(point, recurrent.stream().map(delta -> delta.load(in)).toList());
    }
    if (!recurrent.isEmpty()) {
      checkpoints.putAll(loaded.headMap(to, true));
      restore();
    }
    position = to;
  }

  /** Returns to the last checkpoint that is left, or to the start. */
  private int restore() {
    if (checkpoints.isEmpty()) {
      recurrent.forEach(DeltaState::clear);
      return 0;
    }
    List<DeltaState.Snapshot> snapshots = checkpoints.lastEntry().getValue();
    for (int i = 0; i < snapshots.size(); i++) {
      recurrent.get(i).restore(snapshots.get(i));
    }
    return checkpoints.lastKey();
  }

  /**
   * Makes the present position one that {@link #rewind} can return to. Costs a copy of the
   * recurrent layers' state, and nothing where there are none.
   */
  public void checkpoint() {
    if (recurrent.isEmpty() || position == 0 || checkpoints.containsKey(position)) {
      return;
    }
    checkpoints.put(position, snapshots(position));
    int shortest = checkpoints.firstKey();
    boolean another = lasting > shortest && checkpoints.containsKey(lasting);
    if (checkpoints.size() > (another ? MOST_CHECKPOINTS + 1 : MOST_CHECKPOINTS)) {
      checkpoints.keySet().stream()
          .filter(point -> point != shortest && point != lasting)
          .findFirst()
          .ifPresent(checkpoints::remove);
    }
  }

  /** A checkpoint at this position, now or later, stays until another is to last. */
  public void last(int at) {
    lasting = at;
  }

  /** Keys and values of a layer that attends. */
  KvLayer attention(int layer) {
    if (layers.get(layer) instanceof Attention(KvLayer kv)) {
      return kv;
    }
    throw new IllegalStateException("layer " + layer + " does not attend");
  }

  /** The memory of a layer that is recurrent. */
  DeltaState recurrent(int layer) {
    if (layers.get(layer) instanceof DeltaState delta) {
      return delta;
    }
    throw new IllegalStateException("layer " + layer + " is not recurrent");
  }

  /** A pass over {@code tokens} has succeeded. */
  void advance(int tokens) {
    recurrent.forEach(DeltaState::commit);
    position += tokens;
  }
}
