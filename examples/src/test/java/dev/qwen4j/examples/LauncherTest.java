package dev.qwen4j.examples;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.jar.Attributes;
import java.util.jar.JarOutputStream;
import java.util.jar.Manifest;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The {@code qwen4j} script in a project of its own, whose Maven is a script that writes down how
 * often it was called and brings the classes of this build.
 */
class LauncherTest {
  @TempDir private Path folder;
  private Path root = Path.of("");
  private Path mavenCalls = Path.of("");

  @BeforeEach
  void makeProject() throws IOException {
    root = Files.createDirectories(folder.resolve("a project"));
    mavenCalls = folder.resolve("maven-calls");
    Files.copy(Path.of("../qwen4j"), root.resolve("qwen4j"));
    assertThat(root.resolve("qwen4j").toFile().setExecutable(true)).isTrue();
    Files.writeString(root.resolve("pom.xml"), "<project/>");
    Path sources = Files.createDirectories(root.resolve("examples/src/main/java"));
    Files.writeString(sources.resolve("Some.java"), "class Some {}");
    writeJarOfThisBuild(folder.resolve("this-build.jar"));
    maven(
        """
        mkdir -p examples/target/quick/lib
        cp '%s' examples/target/quick/examples-1.jar
        cp '%s' examples/target/quick/lib/empty.jar
        """
            .formatted(folder.resolve("this-build.jar"), folder.resolve("this-build.jar")));
  }

  /** A jar that holds nothing but the way to the classes which this test runs on. */
  private static void writeJarOfThisBuild(Path file) throws IOException {
    var manifest = new Manifest();
    manifest.getMainAttributes().put(Attributes.Name.MANIFEST_VERSION, "1.0");
    manifest
        .getMainAttributes()
        .put(
            Attributes.Name.CLASS_PATH,
            Stream.of(System.getProperty("java.class.path").split(java.io.File.pathSeparator))
                .map(entry -> Path.of(entry).toUri().toString())
                .collect(Collectors.joining(" ")));
    try (OutputStream out = Files.newOutputStream(file);
        JarOutputStream jar = new JarOutputStream(out, manifest)) {
      jar.finish();
    }
  }

  private void maven(String script) throws IOException {
    Path file = folder.resolve("mvn");
    Files.writeString(file, "#!/bin/sh\necho called >>'" + mavenCalls + "'\n" + script);
    assertThat(file.toFile().setExecutable(true)).isTrue();
  }

  private Outcome launch(Path script, Map<String, String> environment, String... args)
      throws IOException, InterruptedException {
    List<String> command = new ArrayList<>(List.of(script.toString()));
    command.addAll(List.of(args));
    Path out = folder.resolve("out");
    Path err = folder.resolve("err");
    ProcessBuilder builder =
        new ProcessBuilder(command)
            .directory(folder.toFile())
            .redirectOutput(out.toFile())
            .redirectError(err.toFile());
    builder.environment().put("QWEN4J_MVN", folder.resolve("mvn").toString());
    builder.environment().put("QWEN4J_JAVA", System.getProperty("java.home") + "/bin/java");
    builder.environment().put("LC_ALL", "C");
    builder.environment().putAll(environment);
    int exitCode = builder.start().waitFor();
    return new Outcome(
        exitCode,
        Files.readString(out, StandardCharsets.UTF_8),
        Files.readString(err, StandardCharsets.UTF_8));
  }

  private Outcome launch(String... args) throws IOException, InterruptedException {
    return launch(root.resolve("qwen4j"), Map.of(), args);
  }

  @Test
  void buildsOnFirstUseAndAgainWhenASourceIsNewerAndIsQuietOtherwise() throws Exception {
    Outcome first = launch("--version");
    assertThat(first.exitCode()).as(first.err()).isZero();
    assertThat(first.out()).startsWith("qwen4j ");
    assertThat(first.err()).contains("first use", "minute").doesNotContain("incubator");

    Outcome second = launch("--version");
    assertThat(second.exitCode()).isZero();
    assertThat(second.err()).isEmpty();
    assertThat(mavenCalls).hasContent("called");

    FileTime later = FileTime.from(Instant.now().plusSeconds(5));
    Files.setLastModifiedTime(root.resolve("examples/src/main/java/Some.java"), later);
    assertThat(launch("--version").err()).contains("changed");
    assertThat(mavenCalls).hasContent("called\ncalled");
  }

  @Test
  void worksThroughALinkAndKeepsArgumentsAndExitCodes() throws Exception {
    Path bin = Files.createDirectories(folder.resolve("bin"));
    Path link = Files.createSymbolicLink(bin.resolve("q4j"), Path.of("../a project/qwen4j"));
    launch("--version");

    Outcome outcome = launch(link, Map.of(), "run", "--json", "--model", "没有 *.gguf", "a  b");

    assertThat(outcome.exitCode()).isEqualTo(1);
    assertThat(outcome.result().path("error").asText()).contains("没有 *.gguf");
    assertThat(outcome.hasOneClearLine().err()).contains("没有 *.gguf");
  }

  @Test
  void aFailedBuildShowsWhy() throws Exception {
    maven("echo '[ERROR] the dog ate it'; exit 1");

    Outcome outcome = launch("--version");

    assertThat(outcome.exitCode()).isEqualTo(1);
    assertThat(outcome.err()).contains("the build failed", "the dog ate it");
    assertThat(launch("--version").exitCode()).isEqualTo(1);
  }

  @Test
  void aJavaThatIsTooOldIsNamed() throws Exception {
    Path old = Files.createDirectories(folder.resolve("jdk-17/bin")).resolve("java");
    Files.writeString(old, "#!/bin/sh\necho 'openjdk version \"17.0.1\"' >&2\n");
    assertThat(old.toFile().setExecutable(true)).isTrue();

    Outcome outcome =
        launch(root.resolve("qwen4j"), Map.of("QWEN4J_JAVA", old.toString()), "--version");

    assertThat(outcome.hasOneClearLine().exitCode()).isEqualTo(1);
    assertThat(outcome.err()).contains("25", "Java 17", old.toString());
    assertThat(mavenCalls).doesNotExist();
  }
}
