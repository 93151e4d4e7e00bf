package dev.qwen4j.inference.internal.weights;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.qwen4j.inference.BadCheckpointException;
import dev.qwen4j.inference.internal.kernel.TensorType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A smaller copy of a checkpoint's matrices, written once as a GGUF file and found again by the
 * identity of its source. What little the quality hangs on keeps its type or more bits: norms,
 * biases, routers and the small matrices of recurrent layers stay, and the embedding and the output
 * get eight bits at least.
 */
public final class QuantizedCopy {
  private static final Logger LOG = LoggerFactory.getLogger(QuantizedCopy.class);

  /** The ends of the names of matrices that stay as they are. */
  private static final Set<String> KEPT =
      Set.of(
          "ffn_gate_inp.weight",
          "ffn_gate_inp_shexp.weight",
          "ssm_conv1d.weight",
          "ssm_alpha.weight",
          "ssm_beta.weight",
          "ssm_ba.weight",
          "cls.output.weight");

  private static final Set<String> ENDS = Set.of("token_embd.weight", "output.weight");

  /** Hears how far the writing is, one call at a time. */
  @FunctionalInterface
  public interface Listener {
    /** Hears nothing. */
    Listener SILENT = (file, bytes, total) -> {};

    /** Of {@code total} bytes of weights, {@code bytes} are in the file. */
    void progress(String file, long bytes, long total);
  }

  private QuantizedCopy() {}

  /** Whether a copy would be smaller: whether any matrix has more bits than it would have there. */
  public static boolean shrinks(List<TensorSource> tensors, TensorType type) {
    return tensors.stream().anyMatch(tensor -> !isKept(tensor, type));
  }

  /**
   * The file of the copy: in {@code folder}, one for each name, type and identity of the source.
   *
   * @param name of the source, for people
   * @param place tells sources of the same name apart
   * @param identity changes whenever the source does
   */
  public static Path file(
      Path folder, String name, String place, String identity, TensorType type) {
    String safe = name.replaceAll("[^A-Za-z0-9._-]", "_");
    return folder.resolve("%s-%s.%s-%s.gguf".formatted(safe, place, type, identity));
  }

  /** Sixteen hexadecimal digits that stand for some lines. */
  public static String digest(List<String> lines) {
    try {
      byte[] text = String.join("\n", lines).getBytes(UTF_8);
      return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(text), 0, 8);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e); // every JVM has SHA-256
    }
  }

  /**
   * Writes the copy, and deletes copies of what the source was before.
   *
   * @param file as {@link #file} names it
   * @throws BadCheckpointException if it cannot be written
   * @throws CancellationException if the thread was interrupted
   */
  public static void write(
      Path file,
      Metadata metadata,
      List<TensorSource> tensors,
      TensorType type,
      int threads,
      Listener listener) {
    List<TensorSource> smaller = tensors.stream().map(tensor -> quantized(tensor, type)).toList();
    long bytes = smaller.stream().mapToLong(TensorSource::bytes).sum();
    LOG.info("writing a {} copy of {} MB to {}", type, bytes >> 20, file);
    String name = String.valueOf(file.getFileName());
    try {
      Path folder = Files.createDirectories(file.toAbsolutePath().getParent());
      long free = Files.getFileStore(folder).getUsableSpace();
      if (bytes > free) {
        throw new IOException("there are %d MB left".formatted(free >> 20));
      }
      // A copy is one file, and its types are not what the source's metadata says.
      Predicate<String> wanted =
          key -> !key.startsWith("split.") && !key.equals("general.file_type");
      MetadataBuilder fields = new MetadataBuilder().copy(metadata, wanted);
      GgufWriter.write(
          file, fields, smaller, threads, written -> listener.progress(name, written, bytes));
      deleteOlder(file);
    } catch (IOException e) {
      if (Thread.currentThread().isInterrupted()) {
        CancellationException cancelled = new CancellationException("quantising was interrupted");
        cancelled.initCause(e);
        throw cancelled;
      }
      throw new BadCheckpointException(
          "%s: the quantised copy of %d MB cannot be written: %s; make room, or name another folder"
              .formatted(file, bytes >> 20, e.getMessage()),
          e);
    }
  }

  /** What cannot be deleted, because another process reads it, only takes room. */
  private static void deleteOlder(Path file) {
    String name = String.valueOf(file.getFileName());
    String start = name.substring(0, name.lastIndexOf('-') + 1);
    try (Stream<Path> files = Files.list(file.toAbsolutePath().getParent())) {
      for (Path other : files.toList()) {
        String otherName = String.valueOf(other.getFileName());
        if (otherName.startsWith(start) && otherName.endsWith(".gguf") && !otherName.equals(name)) {
          Files.deleteIfExists(other);
        }
      }
    } catch (IOException e) {
      LOG.warn("an older copy beside {} cannot be deleted: {}", file, e.toString());
    }
  }

  private static TensorSource quantized(TensorSource tensor, TensorType wanted) {
    boolean kept = isKept(tensor, wanted);
    if (kept && tensor.rows().type().inGguf()) {
      return tensor;
    }
    TensorType type = kept ? TensorType.F32 : target(tensor, wanted);
    return new TensorSource(tensor.name(), tensor.shape(), new ConvertedRows(tensor.rows(), type));
  }

  private static TensorType target(TensorSource tensor, TensorType wanted) {
    return ENDS.contains(tensor.name()) ? TensorType.Q8_0 : wanted;
  }

  private static boolean isKept(TensorSource tensor, TensorType wanted) {
    RowSource rows = tensor.rows();
    TensorType type = target(tensor, wanted);
    return tensor.shape().size() < 2
        || rows.cols() % type.blockElements() != 0
        || type.bytes(rows.cols()) >= rows.rowBytes()
        || KEPT.stream().anyMatch(tensor.name()::endsWith);
  }
}
