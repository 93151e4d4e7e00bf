package dev.qwen4j.examples;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** The command in a JVM of its own, for what only a process has: signals and a broken pipe. */
final class ChildProcess implements AutoCloseable {
  private final Process process;
  private final BufferedReader out;
  private final Path err;
  private final List<String> lines = new ArrayList<>();

  private ChildProcess(Process process, Path err) {
    this.process = process;
    this.out = process.inputReader(StandardCharsets.UTF_8);
    this.err = err;
  }

  static ChildProcess qwen4j(Map<String, String> environment, String... args)
      throws IOException, InterruptedException {
    return running(Qwen4j.class, environment, args);
  }

  /** Any class with a main method. */
  static ChildProcess running(Class<?> main, Map<String, String> environment, String... args)
      throws IOException, InterruptedException {
    List<String> command = new ArrayList<>();
    if (resetsSignals()) {
      // Where the build runs in the background, its children ignore Ctrl-C unless told otherwise.
      command.addAll(List.of("env", "--default-signal=INT"));
    }
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of("--add-modules", "jdk.incubator.vector"));
    command.addAll(List.of("--enable-native-access=ALL-UNNAMED", "-XX:TieredStopAtLevel=1"));
    command.addAll(List.of("-cp", System.getProperty("java.class.path")));
    command.add(main.getName());
    command.addAll(List.of(args));
    Path err = Files.createTempFile("qwen4j", ".err");
    ProcessBuilder builder = new ProcessBuilder(command).redirectError(err.toFile());
    builder.environment().putAll(environment);
    return new ChildProcess(builder.start(), err);
  }

  private static boolean resetsSignals() throws IOException, InterruptedException {
    Process trial =
        new ProcessBuilder("env", "--default-signal=INT", "true")
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .start();
    return trial.waitFor() == 0;
  }

  /** Reads on until a line of stdout contains {@code text}. */
  void awaitLine(String text) throws IOException {
    @Nullable String line = out.readLine();
    while (line != null) {
      lines.add(line);
      if (line.contains(text)) {
        return;
      }
      line = out.readLine();
    }
    throw new AssertionError("no line with " + text + " in " + lines + "; stderr: " + err());
  }

  /** Waits until the process has opened {@code file} as a model does, where the system can say. */
  void awaitMapped(Path file) throws IOException, InterruptedException {
    Path maps = Path.of("/proc", Long.toString(process.pid()), "maps");
    while (process.isAlive() && Files.exists(maps)) {
      if (Files.readString(maps).contains(file.toString())) {
        return;
      }
      Thread.sleep(1);
    }
  }

  void signal(String name) throws IOException, InterruptedException {
    Process kill = new ProcessBuilder("kill", "-" + name, Long.toString(process.pid())).start();
    assertThat(kill.waitFor()).isZero();
  }

  void stopReading() throws IOException {
    out.close();
  }

  /** Waits for the end and says what was printed. */
  Outcome outcome() throws IOException, InterruptedException {
    out.lines().forEach(lines::add);
    return new Outcome(exitCode(), String.join("\n", lines), err());
  }

  int exitCode() throws InterruptedException {
    assertThat(process.waitFor(120, TimeUnit.SECONDS)).isTrue();
    return process.exitValue();
  }

  /** Stderr, without the JVM's own warning that the launcher keeps from users. */
  String err() throws IOException {
    return Files.readString(err).replaceAll("WARNING: Using incubator modules.*\\R", "");
  }

  @Override
  public void close() throws IOException {
    process.destroyForcibly();
    Files.deleteIfExists(err);
  }
}
