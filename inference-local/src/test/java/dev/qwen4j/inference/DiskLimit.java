package dev.qwen4j.inference;

import static org.assertj.core.api.Assertions.assertThat;

import dev.qwen4j.inference.hub.ModelHub;
import dev.qwen4j.inference.hub.ModelReference;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * A Java process whose files may not grow beyond 50 kilobytes or so, which is as near to a full
 * disk as a test comes: writes fail half-way, with the operating system's own words.
 */
public final class DiskLimit {
  private static final String FETCH = "fetch";
  private static final String QUANTIZE = "quantize";

  private DiskLimit() {}

  /** What fetching {@code reference} from {@code endpoint} into {@code cache} complains of. */
  public static String whenFetching(String reference, String endpoint, Path cache)
      throws IOException, InterruptedException {
    return run(FETCH, reference, endpoint, cache.toString());
  }

  /** What writing a quantised copy of {@code model} into {@code folder} complains of. */
  static String whenQuantizing(Path model, Path folder) throws IOException, InterruptedException {
    return run(QUANTIZE, model.toString(), folder.toString());
  }

  private static String run(String... what) throws IOException, InterruptedException {
    Path answer = Files.createTempFile("disk-limit", ".txt");
    try {
      List<String> command = new ArrayList<>();
      command.addAll(List.of("sh", "-c", "ulimit -f 100 && exec \"$@\"", "sh"));
      command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
      command.addAll(List.of("--add-modules", "jdk.incubator.vector", "-XX:TieredStopAtLevel=1"));
      command.addAll(List.of("--enable-native-access=ALL-UNNAMED", "-XX:-UsePerfData"));
      command.addAll(List.of("-cp", System.getProperty("java.class.path")));
      command.addAll(List.of(DiskLimit.class.getName(), answer.toString()));
      command.addAll(List.of(what));
      Process process =
          new ProcessBuilder(command)
              .redirectErrorStream(true)
              .redirectOutput(ProcessBuilder.Redirect.DISCARD)
              .start();
      assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
      return Files.readString(answer);
    } finally {
      Files.delete(answer);
    }
  }

  /** The process itself: where to answer, what to do, and with what. */
  public static void main(String[] args) throws IOException {
    Path answer = Path.of(args[0]);
    try {
      if (args[1].equals(FETCH)) {
        ModelHub.builder()
            .cache(Path.of(args[4]))
            .endpoint(ModelReference.Source.HUGGING_FACE, args[3])
            .build()
            .fetch(ModelReference.parse(args[2]), ModelHub.DownloadListener.NONE);
      } else {
        LoadOptions options =
            LoadOptions.standard()
                .withQuantization(LoadOptions.Quantization.Q8_0)
                .withQuantizedFolder(Path.of(args[3]));
        LocalModel.load(Path.of(args[2]), options).close();
      }
      Files.writeString(answer, "nothing");
    } catch (RuntimeException e) {
      Files.writeString(answer, String.valueOf(e.getMessage()));
    }
  }
}
