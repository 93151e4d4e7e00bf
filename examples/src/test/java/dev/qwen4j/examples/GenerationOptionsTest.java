package dev.qwen4j.examples;

import static org.assertj.core.api.Assertions.assertThat;

import dev.qwen4j.inference.LoadOptions;
import java.io.ByteArrayInputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

class GenerationOptionsTest {
  private static final PrintStream NOWHERE = new PrintStream(OutputStream.nullOutputStream());

  @Command
  private static final class Holder {
    @Mixin private GenerationOptions generation = new GenerationOptions();
  }

  private static LoadOptions parse(Map<String, String> environment, String... args) {
    Holder holder = new Holder();
    new CommandLine(holder).setCaseInsensitiveEnumValuesAllowed(true).parseArgs(args);
    return holder.generation.local(
        new Surroundings(new ByteArrayInputStream(new byte[0]), NOWHERE, NOWHERE, environment, ""));
  }

  @Test
  void whatIsGivenReachesTheModel() {
    LoadOptions options =
        parse(
            Map.of("QWEN4J_CACHE", "/cache"),
            "--quantize=q4_0",
            "--kv-cache=q8_0",
            "--context=2048",
            "--temperature=0.5");

    assertThat(options.quantization()).isEqualTo(LoadOptions.Quantization.Q4_0);
    assertThat(options.kvCache()).isEqualTo(LoadOptions.KvCache.Q8_0);
    assertThat(options.contextLength()).isEqualTo(2048);
    assertThat(options.parameters().temperature()).isEqualTo(0.5);
    assertThat(options.quantizedFolder()).isEqualTo(Path.of("/cache", "quantized"));
  }

  @Test
  void whatIsNotGivenIsLeftToTheModel() {
    LoadOptions options = parse(Map.of());

    assertThat(options).isEqualTo(LoadOptions.standard().withParameters(options.parameters()));
    assertThat(options.parameters().temperature()).isNull();
  }
}
