package dev.qwen4j.inference.internal.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.qwen4j.inference.internal.kernel.KvType;
import dev.qwen4j.inference.internal.sampling.SamplingOptions;
import dev.qwen4j.model.ModelException;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

class EngineTest {
  private static final int CONTEXT = 128;

  private int[] prompt = {};
  private int[] expected = {};
  private Engine engine = open(Set.of());

  private static Path resource(String name) {
    return resource("qwen3", name);
  }

  private static Path resource(String model, String name) {
    String path = "/golden/models/" + model + "/" + name;
    try {
      return Path.of(Objects.requireNonNull(EngineTest.class.getResource(path)).toURI());
    } catch (URISyntaxException e) {
      throw new IllegalStateException(e);
    }
  }

  private static Engine open(Set<Integer> stopIds) {
    return open(stopIds, new Places(4, 2));
  }

  private static Engine open(Set<Integer> stopIds, Places places) {
    LoadedModel model = LoadedModel.open(resource("model-f32.gguf"), 2);
    return new Engine(
        model, stopIds, 512, new Engine.Context(CONTEXT, KvType.F16), PromptCopies.none(), places);
  }

  @BeforeEach
  void readWhatTransformersGenerates() throws IOException {
    JsonNode json = new ObjectMapper().readTree(resource("expected.json").toFile());
    prompt = ints(json.get("prompt_tokens"));
    expected = ints(json.get("greedy_next_24"));
  }

  private static int[] ints(JsonNode array) {
    int[] out = new int[array.size()];
    for (int i = 0; i < out.length; i++) {
      out[i] = array.get(i).intValue();
    }
    return out;
  }

  @AfterEach
  void close() {
    engine.close();
  }

  private List<Integer> greedy(int[] ids, int most, List<Ending> endings) {
    List<Integer> out = new ArrayList<>();
    endings.add(engine.generate(ids, SamplingOptions.GREEDY, most, out::add, () -> false));
    return out;
  }

  private List<Integer> expectedList() {
    return Arrays.stream(expected).boxed().toList();
  }

  @Test
  void greedyGenerationIsThatOfTransformers() {
    List<Ending> endings = new ArrayList<>();
    assertThat(greedy(prompt, 24, endings)).isEqualTo(expectedList());
    assertThat(endings).containsExactly(new Ending(Ending.Cause.LENGTH, 24, 0));
  }

  @Test
  void aStopTokenEndsTheReplyAndIsNoPartOfIt() {
    engine.close();
    engine = open(Set.of(expected[5], 500_000));
    int first = expectedList().indexOf(expected[5]);
    List<Ending> endings = new ArrayList<>();
    assertThat(greedy(prompt, 24, endings)).isEqualTo(expectedList().subList(0, first));
    assertThat(endings).containsExactly(new Ending(Ending.Cause.STOP_TOKEN, first + 1, 0));
  }

  @Test
  void theSinkCanEndTheReply() {
    List<Integer> out = new ArrayList<>();
    Ending ending =
        engine.generate(
            prompt,
            SamplingOptions.GREEDY,
            24,
            id -> {
              out.add(id);
              return out.size() < 3;
            },
            () -> false);
    assertThat(out).isEqualTo(expectedList().subList(0, 3));
    assertThat(ending).isEqualTo(new Ending(Ending.Cause.SINK, 3, 0));
  }

  @Test
  void theNextTurnReadsOnlyWhatIsNew() {
    List<Ending> endings = new ArrayList<>();
    greedy(prompt, 5, endings);
    int[] longer = Arrays.copyOf(prompt, prompt.length + 5);
    System.arraycopy(expected, 0, longer, prompt.length, 5);
    assertThat(greedy(longer, 19, endings)).isEqualTo(expectedList().subList(5, 24));
    // The fifth token was sampled and never read.
    assertThat(endings.getLast().reused()).isEqualTo(prompt.length + 4);
  }

  @Test
  void aPromptThatDiffersIsReadFromWhereItDiffers() {
    List<Ending> endings = new ArrayList<>();
    int[] other = prompt.clone();
    other[10] = (other[10] + 1) % 300;
    List<Integer> fresh = greedy(other, 8, endings);
    greedy(prompt, 8, endings);
    assertThat(greedy(other, 8, endings)).isEqualTo(fresh);
    assertThat(endings)
        .extracting(Ending::reused)
        .containsExactly(0, 10, other.length - 1); // the first sequence is still there
  }

  @Test
  void conversationsThatTakeTurnsAllKeepWhatTheyHaveRead() {
    List<Ending> endings = new ArrayList<>();
    int[] other = prompt.clone();
    other[10] = (other[10] + 1) % 300;
    List<Integer> reply = greedy(other, 24, endings);
    greedy(prompt, 5, endings);
    assertThat(greedy(followed(other, reply.subList(0, 5)), 19, endings))
        .isEqualTo(reply.subList(5, 24));
    assertThat(greedy(followed(prompt, expectedList().subList(0, 5)), 19, endings))
        .isEqualTo(expectedList().subList(5, 24));
    assertThat(endings)
        .extracting(Ending::reused)
        .containsExactly(0, 10, prompt.length + 4, prompt.length + 4);
  }

  private static int[] followed(int[] ids, List<Integer> more) {
    return IntStream.concat(Arrays.stream(ids), more.stream().mapToInt(Integer::intValue))
        .toArray();
  }

  @Test
  void sequencesThatDoNotFitTheBoundAreForgottenTheOldestFirst() {
    List<Ending> endings = new ArrayList<>();
    List<int[]> prompts = new ArrayList<>();
    for (int first = 1; first <= 4; first++) {
      int[] ids = new int[55];
      Arrays.fill(ids, 100 + first);
      prompts.add(ids);
      greedy(ids, 1, endings);
    }
    // The second and the third fit into one context of 128 beside the fourth, the first did not.
    greedy(prompts.get(1), 1, endings);
    greedy(prompts.get(3), 1, endings);
    greedy(prompts.get(0), 1, endings);
    assertThat(endings).extracting(Ending::reused).containsExactly(0, 0, 0, 0, 54, 54, 0);
  }

  @Test
  void aReplyEndsWithTheContext() {
    List<Ending> endings = new ArrayList<>();
    List<Integer> out = greedy(prompt, Integer.MAX_VALUE, endings);
    assertThat(out).hasSize(CONTEXT - prompt.length).startsWith(expected[0], expected[1]);
    assertThat(endings.getFirst().cause()).isEqualTo(Ending.Cause.LENGTH);
  }

  @Test
  void aPromptThatFillsTheContextIsRefused() {
    int[] full = new int[CONTEXT];
    assertThatThrownBy(() -> greedy(full, 1, new ArrayList<>()))
        .isInstanceOf(ModelException.class)
        .hasMessageContaining("the prompt has 128 tokens, the context is 128: shorten");
    assertThat(greedy(Arrays.copyOf(full, CONTEXT - 1), 5, new ArrayList<>())).hasSize(1);
  }

  @Test
  void cancellingWhileReadingThePromptLeavesTheEngineReady() {
    for (int checks = 0; checks < 12; checks++) {
      int[] left = {checks};
      assertThatThrownBy(
              () ->
                  engine.generate(
                      prompt, SamplingOptions.GREEDY, 24, id -> true, () -> left[0]-- <= 0))
          .isInstanceOf(CancellationException.class);
      assertThat(greedy(prompt, 24, new ArrayList<>())).isEqualTo(expectedList());
    }
  }

  @Test
  void anInterruptedThreadGeneratesNothingAndStaysInterrupted() {
    Thread.currentThread().interrupt();
    assertThatThrownBy(() -> greedy(prompt, 24, new ArrayList<>()))
        .isInstanceOf(CancellationException.class);
    assertThat(Thread.interrupted()).isTrue();
  }

  @Test
  @Timeout(180)
  void whoWaitsForAnotherReplyCanBeInterrupted() throws InterruptedException {
    engine.close();
    engine = open(Set.of(), new Places(1, 2));
    CountDownLatch running = new CountDownLatch(1);
    CountDownLatch goOn = new CountDownLatch(1);
    Thread first =
        Thread.ofPlatform()
            .start(
                () ->
                    engine.generate(
                        prompt,
                        SamplingOptions.GREEDY,
                        2,
                        id -> {
                          running.countDown();
                          awaitQuietly(goOn);
                          return true;
                        },
                        () -> false));
    running.await();
    AtomicReference<RuntimeException> seen = new AtomicReference<>();
    Thread second =
        Thread.ofPlatform()
            .start(
                () -> {
                  try {
                    greedy(prompt, 1, new ArrayList<>());
                  } catch (CancellationException e) {
                    seen.set(e);
                  }
                });
    second.interrupt();
    second.join();
    goOn.countDown();
    first.join();
    assertThat(seen.get()).isInstanceOf(CancellationException.class);
  }

  @Test
  @Timeout(180)
  void closingEndsARunningReply() throws InterruptedException {
    CountDownLatch running = new CountDownLatch(1);
    AtomicBoolean cancelled = new AtomicBoolean();
    Thread generating =
        Thread.ofPlatform()
            .start(
                () -> {
                  try {
                    while (true) {
                      engine.generate(
                          prompt,
                          SamplingOptions.GREEDY,
                          24,
                          id -> {
                            running.countDown();
                            return true;
                          },
                          () -> false);
                    }
                  } catch (CancellationException e) {
                    cancelled.set(true);
                  }
                });
    running.await();
    engine.close();
    generating.join();
    assertThat(cancelled).isTrue();
    engine = open(Set.of());
  }

  @Test
  void aCallbackCannotAskTheEngineThatCallsIt() {
    assertThatThrownBy(
            () ->
                engine.generate(
                    prompt,
                    SamplingOptions.GREEDY,
                    5,
                    id -> greedy(prompt, 1, new ArrayList<>()).isEmpty(),
                    () -> false))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("a callback of a reply asked the model");
    assertThat(greedy(prompt, 24, new ArrayList<>())).isEqualTo(expectedList());
  }

  private static void awaitQuietly(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  @Test
  void aRecurrentModelRemembersWhereRequestsPart() {
    engine.close();
    LoadedModel model = LoadedModel.open(resource("qwen35", "model-f32.gguf"), 2);
    engine =
        new Engine(
            model,
            Set.of(),
            512,
            new Engine.Context(CONTEXT, KvType.F16),
            PromptCopies.none(),
            new Places(4, 2));
    List<Ending> endings = new ArrayList<>();
    List<Integer> alone = greedy(prompt, 8, endings);
    int[] parted = prompt.clone();
    Arrays.fill(parted, 20, parted.length, 7);
    List<Integer> partedAlone = greedy(parted, 8, endings);
    assertThat(greedy(prompt, 8, endings)).isEqualTo(alone);
    assertThat(greedy(parted, 8, endings)).isEqualTo(partedAlone);
    assertThat(greedy(parted, 8, endings)).isEqualTo(partedAlone);
    int[] third = prompt.clone();
    Arrays.fill(third, 20, third.length, 9);
    greedy(third, 8, endings);
    int header = prompt.length - 8;
    int last = prompt.length - 1;
    assertThat(endings.stream().map(Ending::reused))
        .containsExactly(0, 0, header, header, last, 20);
  }

  @Test
  void aRecurrentModelForgetsWhereACancelledRequestParted() {
    engine.close();
    LoadedModel model = LoadedModel.open(resource("qwen35", "model-f32.gguf"), 2);
    engine =
        new Engine(
            model,
            Set.of(),
            512,
            new Engine.Context(CONTEXT, KvType.F16),
            PromptCopies.none(),
            new Places(4, 2));
    int[] parted = prompt.clone();
    Arrays.fill(parted, 20, parted.length, 7);
    int[] shorter = Arrays.copyOf(parted, 12);
    List<Integer> alone = greedy(shorter, 4, new ArrayList<>());
    for (int checks = 0; checks < 6; checks++) {
      greedy(prompt, 1, new ArrayList<>());
      int[] left = {checks};
      assertThatThrownBy(
              () ->
                  engine.generate(
                      parted, SamplingOptions.GREEDY, 1, id -> true, () -> left[0]-- <= 0))
          .isInstanceOf(CancellationException.class);
      assertThat(greedy(shorter, 4, new ArrayList<>())).isEqualTo(alone);
    }
  }

  private List<Integer> replyKeeping(Path folder, int[] ids, List<Ending> endings) {
    engine.close();
    LoadedModel model = LoadedModel.open(resource("model-f32.gguf"), 2);
    int end = ids[ids.length - 4];
    engine =
        new Engine(
            model,
            Set.of(end),
            512,
            new Engine.Context(CONTEXT, KvType.F16),
            new PromptCopies(folder, "tiny", 8, 60_000),
            new Places(4, 2));
    List<Integer> reply = greedy(ids, 6, endings);
    engine.close();
    return reply;
  }

  /** A prompt whose first message ends four tokens before it does. */
  private int[] prompted(int last) {
    int[] ids = IntStream.range(0, 40).map(i -> 100 + i * 7).toArray();
    ids[39] = last;
    return ids;
  }

  @Test
  void anotherProcessNeedNotReadTheInstructionsAgain(@TempDir Path folder) throws IOException {
    List<Ending> endings = new ArrayList<>();
    List<Integer> first = replyKeeping(folder, prompted(11), endings);
    assertThat(replyKeeping(folder, prompted(11), endings)).isEqualTo(first);
    replyKeeping(folder, prompted(12), endings);
    assertThat(endings).extracting(Ending::reused).containsExactly(0, 36, 36);
    try (Stream<Path> files = Files.list(folder)) {
      assertThat(files).hasSize(1).first().asString().endsWith(".kv");
    }
  }

  /** Two of these fit the bound. */
  @Test
  void theCopyUsedLongestAgoMakesRoom(@TempDir Path folder) {
    List<Ending> endings = new ArrayList<>();
    for (int first : List.of(1, 2, 1, 3, 2, 1)) {
      int[] ids = prompted(11);
      ids[0] = first;
      replyKeeping(folder, ids, endings);
    }
    assertThat(endings).extracting(Ending::reused).containsExactly(0, 0, 36, 0, 0, 0);
  }

  @Test
  void onlyWhatIsAlikeIsTakenFromACopy(@TempDir Path folder) {
    List<Ending> endings = new ArrayList<>();
    replyKeeping(folder, prompted(11), endings);
    int[] other = prompted(11);
    other[20] = 5;
    List<Integer> expectedReply = replyKeeping(folder.resolve("elsewhere"), other, endings);
    assertThat(replyKeeping(folder, other, endings)).isEqualTo(expectedReply);
    assertThat(endings).extracting(Ending::reused).containsExactly(0, 0, 20);
  }

  @Test
  void aDamagedCopyIsReadAgainAndReplaced(@TempDir Path folder) throws IOException {
    List<Ending> endings = new ArrayList<>();
    List<Integer> first = replyKeeping(folder, prompted(11), endings);
    Path copy;
    try (Stream<Path> files = Files.list(folder)) {
      copy = files.findFirst().orElseThrow();
    }
    byte[] bytes = Files.readAllBytes(copy);
    for (byte[] damaged :
        List.of(flipped(bytes), Arrays.copyOf(bytes, bytes.length - 1), new byte[3])) {
      Files.write(copy, damaged);
      assertThat(replyKeeping(folder, prompted(11), endings)).isEqualTo(first);
      assertThat(endings.getLast().reused()).isZero();
      replyKeeping(folder, prompted(11), endings);
      assertThat(endings.getLast().reused()).isEqualTo(36);
    }
  }

  private static byte[] flipped(byte[] bytes) {
    byte[] flipped = bytes.clone();
    flipped[bytes.length / 2] ^= 1;
    return flipped;
  }
}
