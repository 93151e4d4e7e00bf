package dev.qwen4j.inference.internal.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.qwen4j.inference.internal.kernel.Candidates;
import dev.qwen4j.inference.internal.kernel.KvType;
import dev.qwen4j.inference.internal.kernel.ScalarKernels;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What another process need not read again where layers are recurrent, number by number. To the bit
 * only the scalar kernels repeat themselves: how a vector's lanes are summed up is up to the JVM,
 * and changes when it compiles.
 */
class PromptCopiesTest {
  private static final int CONTEXT = 256;
  private static final int FIRST_MESSAGE = 70;
  private static final int LENGTH = 100;
  private static final int[] REPLY = {7, 8, 9};

  private @TempDir Path folder;

  /** One process: what it reads, it keeps when it ends. */
  private static final class OneProcess implements AutoCloseable {
    private final LoadedModel model;
    private final PrefixCache cache;
    private int reused;

    OneProcess(String name, Path folder) {
      this(name, folder, 4_000_000);
    }

    OneProcess(String name, Path folder, long mostBytes) {
      model = LoadedModel.open(golden(name), new ScalarKernels("their sums have one order"));
      PromptCopies copies = new PromptCopies(folder, name, 8, mostBytes);
      cache = new PrefixCache(model, CONTEXT, KvType.F16, 100_000_000, copies);
    }

    /** The logits after a prompt, and after each of a few tokens more. */
    List<float[]> read(int[] prompt, int firstMessage) {
      cache.remember(Arrays.copyOf(prompt, firstMessage));
      RetainedSequence sequence = cache.sequenceFor(prompt);
      reused = sequence.known(prompt);
      List<float[]> all = new ArrayList<>();
      Batcher batcher = new Batcher(model);
      float[] logits = new float[model.pass().vocabularySize()];
      sequence.readPrompt(prompt, batcher, Candidates.ALL, logits, () -> {});
      all.add(logits.clone());
      for (int id : REPLY) {
        sequence.append(new int[] {id}, batcher, Candidates.ALL, logits, () -> {});
        all.add(logits.clone());
      }
      sequence.release();
      return all;
    }

    @Override
    public void close() {
      cache.keepBeginnings();
      model.close();
    }
  }

  private static Path golden(String model) {
    String path = "/golden/models/" + model + "/model-f32.gguf";
    try {
      return Path.of(Objects.requireNonNull(PromptCopiesTest.class.getResource(path)).toURI());
    } catch (URISyntaxException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Prompts of one seed begin with the same message. */
  private static int[] prompt(int seed, int question, int length) {
    return IntStream.range(0, length)
        .map(i -> (i * 7919 + i * i + 31 * (i < FIRST_MESSAGE ? seed : question)) % 512)
        .toArray();
  }

  private static int[] prompt(int question) {
    return prompt(1, question, LENGTH);
  }

  private List<float[]> inAnotherProcess(String model, int[] prompt, int expectedReuse) {
    try (OneProcess process = new OneProcess(model, folder)) {
      List<float[]> logits = process.read(prompt, FIRST_MESSAGE);
      assertThat(process.reused).isEqualTo(expectedReuse);
      return logits;
    }
  }

  private static void assertSame(List<float[]> found, List<float[]> expected) {
    assertThat(found).hasSameSizeAs(expected);
    for (int i = 0; i < found.size(); i++) {
      assertThat(found.get(i)).isEqualTo(expected.get(i));
    }
  }

  private List<Path> files() {
    try (Stream<Path> files = Files.list(folder)) {
      return files.toList();
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"qwen3next", "qwen35", "qwen35moe"})
  void aRecurrentModelGoesOnFromTheFileToTheBitAsItDoesFromItsOwnReading(String model) {
    List<float[]> first = inAnotherProcess(model, prompt(1), 0);
    assertThat(files()).hasSize(1);
    assertSame(inAnotherProcess(model, prompt(1), FIRST_MESSAGE), first);
    List<float[]> other = inAnotherProcess(model, prompt(2), FIRST_MESSAGE);
    assertThat(other.getFirst()).isNotEqualTo(first.getFirst());
    Path elsewhere = folder;
    folder = folder.resolve("elsewhere");
    assertSame(other, inAnotherProcess(model, prompt(2), 0));
    folder = elsewhere;
    assertSame(inAnotherProcess(model, prompt(1), FIRST_MESSAGE), first);
    assertThat(files().stream().filter(Files::isRegularFile)).hasSize(1);
  }

  @Test
  void aRecurrentModelTakesNothingOfAFileThatPartsBeforeItsEnd() {
    inAnotherProcess("qwen35", prompt(1), 0);
    int[] parted = prompt(1);
    parted[FIRST_MESSAGE - 1]++;
    inAnotherProcess("qwen35", parted, 0);
    assertThat(files()).hasSize(2);
    inAnotherProcess("qwen35", parted, FIRST_MESSAGE);
    inAnotherProcess("qwen35", prompt(1), FIRST_MESSAGE);
    // One token of a prompt is read whatever is known.
    int[] whole = Arrays.copyOf(prompt(1), FIRST_MESSAGE);
    try (OneProcess process = new OneProcess("qwen35", folder)) {
      process.read(whole, 0);
      assertThat(process.reused).isZero();
    }
  }

  @Test
  void theFirstMessageIsStillKnownAfterManyTurnsAndOtherAgents() {
    List<float[]> first = inAnotherProcess("qwen35", prompt(2), 0);
    folder = folder.resolve("later");
    try (OneProcess process = new OneProcess("qwen35", folder)) {
      int[] other = prompt(1);
      Arrays.fill(other, 20, other.length, 5);
      process.read(other, FIRST_MESSAGE);
      for (int length = LENGTH; length < 240; length += 20) {
        process.read(prompt(1, 1, length), FIRST_MESSAGE);
      }
      assertThat(process.reused).isEqualTo(200 - 8);
    }
    assertThat(files()).hasSize(2);
    // The same up to rounding: where the other agent's prompt parts, the reading was cut in two.
    float[] found = inAnotherProcess("qwen35", prompt(2), FIRST_MESSAGE).getFirst();
    assertThat(found).containsExactly(first.getFirst(), within(1e-3f));
  }

  @Test
  void aDamagedFileOfARecurrentModelIsReadAgainAndReplaced() throws IOException {
    List<float[]> first = inAnotherProcess("qwen35", prompt(1), 0);
    Path copy = files().getFirst();
    byte[] whole = Files.readAllBytes(copy);
    List<byte[]> damaged = new ArrayList<>();
    for (int at : new int[] {0, 8, 12, 16, 20, 400, whole.length / 2, whole.length - 1}) {
      byte[] flipped = whole.clone();
      flipped[at] ^= 4;
      damaged.add(flipped);
    }
    for (int length : new int[] {0, 7, 19, 200, whole.length - 1, whole.length + 1}) {
      damaged.add(Arrays.copyOf(whole, length));
    }
    for (byte[] bytes : damaged) {
      Files.write(copy, bytes);
      assertSame(inAnotherProcess("qwen35", prompt(1), 0), first);
      assertThat(files()).containsExactly(copy);
      assertThat(Files.readAllBytes(copy)).isEqualTo(whole);
    }
    inAnotherProcess("qwen35", prompt(1), FIRST_MESSAGE);
  }

  @Test
  void whatRecurrentLayersRememberCountsForTheBound() {
    LoadedModel model = LoadedModel.open(golden("qwen35"), 2);
    long snapshot = model.pass().snapshotBytes();
    assertThat(snapshot).isEqualTo(model.pass().start(1, KvType.F16).checkpointBytes());
    assertThat(PrefixCache.defaultBytes(model, CONTEXT, KvType.F16)).isGreaterThan(8 * snapshot);
    // Room for one sequence beside that in use: its state before and after a pass, a checkpoint.
    long keys = 20 * model.pass().stateBytesPerPosition(KvType.F16);
    PrefixCache cache =
        new PrefixCache(model, CONTEXT, KvType.F16, 3 * snapshot + keys, PromptCopies.none());
    List<Integer> reused = new ArrayList<>();
    for (int first : new int[] {1, 2, 3, 2, 1}) {
      int[] prompt = IntStream.range(0, 20).map(i -> i == 0 ? first : i).toArray();
      RetainedSequence sequence = cache.sequenceFor(prompt);
      reused.add(sequence.known(prompt));
      float[] logits = new float[model.pass().vocabularySize()];
      sequence.readPrompt(prompt, new Batcher(model), Candidates.ALL, logits, () -> {});
      sequence.release();
    }
    assertThat(reused).containsExactly(0, 0, 0, 12, 0);
    model.close();
  }

  /** A prompt, the reply to it, and twenty tokens more. */
  private static int[] turn(int[] prompt, int[] reply, int question) {
    return IntStream.concat(
            Arrays.stream(prompt),
            IntStream.concat(
                Arrays.stream(reply), IntStream.range(0, 20).map(i -> (question * 37 + i) % 512)))
        .toArray();
  }

  private List<Path> conversations() {
    return files().stream().filter(file -> file.toString().endsWith(".talk")).toList();
  }

  private void keepsConversation(String model, int[] prompt) {
    try (OneProcess process = new OneProcess(model, folder)) {
      process.cache.keepConversationToo();
      process.read(prompt, FIRST_MESSAGE);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"qwen3", "qwen3moe", "qwen3next", "qwen35", "qwen35moe"})
  void aConversationThatIsKeptGoesOnInAnotherProcessToTheBitAsInItsOwn(String model) {
    int[] next = turn(prompt(1), REPLY, 1);
    List<float[]> expected;
    try (OneProcess process = new OneProcess(model, folder)) {
      process.read(prompt(1), FIRST_MESSAGE);
      expected = process.read(next, FIRST_MESSAGE);
      assertThat(process.reused).isEqualTo(LENGTH + REPLY.length);
    }
    folder = folder.resolve("again");
    keepsConversation(model, prompt(1));
    assertThat(conversations()).hasSize(1);
    assertSame(inAnotherProcess(model, next, LENGTH + REPLY.length), expected);
  }

  @Test
  void whereTheReplyIsWrittenDifferentlyItsPromptIsStillKnown() {
    keepsConversation("qwen3", prompt(1));
    inAnotherProcess("qwen3", turn(prompt(1), new int[] {7, 6}, 2), LENGTH + 1);
    folder = folder.resolve("recurrent");
    keepsConversation("qwen35", prompt(1));
    int beforeTheReplysHeader = LENGTH - 8;
    inAnotherProcess("qwen35", turn(prompt(1), new int[] {7, 6}, 2), beforeTheReplysHeader);
  }

  @Test
  void conversationsAreOnlyKeptWhereThatIsAskedFor() {
    inAnotherProcess("qwen35", prompt(1), 0);
    assertThat(conversations()).isEmpty();
    assertThat(files()).hasSize(1);
  }

  @ParameterizedTest
  @ValueSource(strings = {"qwen3", "qwen35"})
  void theNextTurnTakesThePlaceOfTheLastAndOtherConversationsStay(String model) {
    keepsConversation(model, prompt(1));
    Path first = conversations().getFirst();
    keepsConversation(model, prompt(2));
    assertThat(conversations()).hasSize(2).contains(first);
    keepsConversation(model, turn(prompt(1), REPLY, 1));
    assertThat(conversations()).hasSize(2).doesNotContain(first);
    inAnotherProcess(model, turn(prompt(2), REPLY, 1), LENGTH + REPLY.length);
    int[] third = turn(turn(prompt(1), REPLY, 1), REPLY, 3);
    inAnotherProcess(model, third, third.length - 20);
  }

  @Test
  void conversationsKeepToTheirBoundAndBeginningsToTheirs() {
    int keys;
    try (LoadedModel model = LoadedModel.open(golden("qwen3"), 2)) {
      keys = (int) model.pass().stateBytesPerPosition(KvType.F16);
    }
    long bound = 80L * (keys + Integer.BYTES); // a beginning, and twice 80 of a conversation
    for (int seed : new int[] {1, 2, 3, 4}) {
      try (OneProcess process = new OneProcess("qwen3", folder, bound)) {
        process.cache.keepConversationToo();
        process.read(prompt(seed, 0, LENGTH), FIRST_MESSAGE);
      }
      assertThat(conversations()).hasSizeLessThanOrEqualTo(2);
      assertThat(files().size() - conversations().size()).isEqualTo(1);
    }
    assertThat(conversations()).isNotEmpty();
    // A file holds 80 positions at most: those of a conversation as far as they go.
    inAnotherProcess("qwen3", turn(prompt(4, 0, LENGTH), REPLY, 1), 80);
  }

  @Test
  void aRecurrentConversationThatDoesNotFitAFileIsNotKept() {
    long snapshot;
    try (LoadedModel model = LoadedModel.open(golden("qwen35"), 2)) {
      snapshot = model.pass().snapshotBytes();
    }
    try (OneProcess process = new OneProcess("qwen35", folder, 2 * snapshot)) {
      process.cache.keepConversationToo();
      process.read(prompt(1), FIRST_MESSAGE);
    }
    assertThat(conversations()).isEmpty();
    assertThat(files()).hasSize(1);
  }
}
