package dev.qwen4j.inference.internal.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.qwen4j.inference.internal.kernel.KvType;
import dev.qwen4j.inference.internal.sampling.SamplingOptions;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Replies with drafts are those without. */
class EngineDraftsTest {
  private static final int CONTEXT = 256;
  private static final SamplingOptions SEEDED =
      SamplingOptions.temperature(0.6).withTopK(20).withTopP(0.95).withSeed(11L);

  /** Tiny models copy nothing of themselves: these like best what they have said already. */
  private static final SamplingOptions REPEATING =
      SamplingOptions.GREEDY.withPenalties(
          new SamplingOptions.Penalties(1, -2, 0, Integer.MAX_VALUE));

  private static final SamplingOptions SEEDED_REPEATING =
      SEEDED.withPenalties(new SamplingOptions.Penalties(1, -2, -0.5, Integer.MAX_VALUE));

  private final List<Engine> engines = new ArrayList<>();

  @AfterEach
  void close() {
    engines.forEach(Engine::close);
  }

  private Engine open(String model, DraftPolicy.Mode mode, Integer... stopIds) {
    String path = "/golden/models/" + model + "/model-f32.gguf";
    try {
      LoadedModel loaded =
          LoadedModel.open(
              Path.of(Objects.requireNonNull(EngineDraftsTest.class.getResource(path)).toURI()), 2);
      Engine engine =
          new Engine(
              loaded,
              Set.of(stopIds),
              loaded.pass().vocabularySize(),
              new Engine.Context(CONTEXT, KvType.F16),
              PromptCopies.none(),
              new Places(2, 2));
      engine.drafts(mode);
      engines.add(engine);
      return engine;
    } catch (URISyntaxException e) {
      throw new IllegalStateException(e);
    }
  }

  /** The same twelve tokens over and over. */
  private static int[] repetitive() {
    return IntStream.range(0, 60).map(i -> 5 + 7 * (i % 12)).toArray();
  }

  /** What a reply was, how it ended, and how much of the prompt the engine knew. */
  private record Reply(List<Integer> ids, Ending ending) {}

  private static Reply reply(Engine engine, int[] prompt, SamplingOptions sampling, int most) {
    return reply(engine, prompt, sampling, most, Integer.MAX_VALUE);
  }

  private static Reply reply(
      Engine engine, int[] prompt, SamplingOptions sampling, int most, int enough) {
    List<Integer> ids = new ArrayList<>();
    Ending ending =
        engine.generate(
            prompt,
            sampling,
            most,
            id -> {
              ids.add(id);
              return ids.size() < enough;
            },
            () -> false);
    return new Reply(ids, ending);
  }

  private static int[] followed(int[] prompt, List<Integer> reply) {
    return IntStream.concat(Arrays.stream(prompt), reply.stream().mapToInt(Integer::intValue))
        .toArray();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"qwen1", "qwen2", "qwen3", "odd-qwen", "odd-qwen3", "qwen2moe", "qwen3moe"})
  void theReplyIsThatWithoutDrafts(String model) {
    Engine without = open(model, DraftPolicy.Mode.NEVER);
    Engine with = open(model, DraftPolicy.Mode.ALWAYS);
    for (SamplingOptions sampling :
        List.of(SamplingOptions.GREEDY, SEEDED, REPEATING, SEEDED_REPEATING)) {
      Reply expected = reply(without, repetitive(), sampling, 150);
      assertThat(reply(with, repetitive(), sampling, 150)).isEqualTo(expected);
      // Nothing is left of drafts that were refused: the next turn finds the same.
      int[] next = followed(repetitive(), expected.ids().subList(0, 100));
      next[next.length - 1] = (next[next.length - 1] + 1) % 90;
      assertThat(reply(with, next, sampling, 40)).isEqualTo(reply(without, next, sampling, 40));
    }
    assertThat(without.drafts().draftedTokens()).isZero();
    assertThat(with.drafts().draftedTokens()).isPositive();
    assertThat(with.drafts().acceptedTokens()).isPositive();
  }

  @Test
  void draftsAreOnUnlessSomeoneSaysOtherwise() {
    Engine without = open("qwen3", DraftPolicy.Mode.NEVER);
    Engine with = open("qwen3", DraftPolicy.Mode.WHERE_IT_PAYS);
    Reply expected = reply(without, repetitive(), REPEATING, 190);
    assertThat(reply(with, repetitive(), REPEATING, 190)).isEqualTo(expected);
    assertThat(with.drafts().draftedTokens()).isPositive();
  }

  @ParameterizedTest
  @ValueSource(strings = {"qwen35", "qwen3next", "qwen35moe"})
  void whoCannotForgetIsNotGivenDrafts(String model) {
    Engine without = open(model, DraftPolicy.Mode.NEVER);
    Engine with = open(model, DraftPolicy.Mode.ALWAYS);
    Reply expected = reply(without, repetitive(), REPEATING, 60);
    assertThat(reply(with, repetitive(), REPEATING, 60)).isEqualTo(expected);
    assertThat(with.drafts().draftedTokens()).isZero();
  }

  @Test
  void aReplyMayEndAnywhereInADraft() {
    Engine without = open("qwen3", DraftPolicy.Mode.NEVER);
    Engine with = open("qwen3", DraftPolicy.Mode.ALWAYS);
    List<Integer> whole = reply(without, repetitive(), REPEATING, 60).ids();
    assertThat(reply(with, repetitive(), REPEATING, 60).ids()).isEqualTo(whole);
    for (int end = 40; end < 50; end++) {
      // By the limit, and by the sink; then the conversation goes on.
      int[] next = followed(repetitive(), whole.subList(0, end));
      for (int most : new int[] {end, 60}) {
        Reply expected = reply(without, repetitive(), REPEATING, most, end);
        assertThat(reply(with, repetitive(), REPEATING, most, end)).isEqualTo(expected);
        assertThat(expected.ids()).hasSize(end);
        Reply goneOn = reply(with, next, REPEATING, 5);
        assertThat(goneOn.ending().reused()).isEqualTo(next.length - 1);
        assertThat(reply(without, next, REPEATING, 5)).isEqualTo(goneOn);
      }
    }
    assertThat(with.drafts().acceptedTokens()).isPositive();
  }

  @Test
  void aStopTokenEndsTheReplyWhateverWasReadBehindIt() {
    Engine open = open("qwen3", DraftPolicy.Mode.NEVER);
    for (long seed = 1; seed <= 4; seed++) {
      SamplingOptions sampling = SEEDED_REPEATING.withSeed(seed);
      List<Integer> whole = reply(open, repetitive(), sampling, 150).ids();
      int end = whole.stream().mapToInt(whole::indexOf).max().orElseThrow();
      Engine without = open("qwen3", DraftPolicy.Mode.NEVER, whole.get(end));
      Engine with = open("qwen3", DraftPolicy.Mode.ALWAYS, whole.get(end));
      Reply expected = reply(without, repetitive(), sampling, 150);
      assertThat(expected.ids()).isEqualTo(whole.subList(0, end));
      assertThat(expected.ending().cause()).isEqualTo(Ending.Cause.STOP_TOKEN);
      assertThat(reply(with, repetitive(), sampling, 150)).isEqualTo(expected);
      int[] next = followed(repetitive(), whole.subList(0, end + 1));
      assertThat(reply(with, next, sampling, 5)).isEqualTo(reply(without, next, sampling, 5));
    }
  }

  @Test
  void theContextEndsWhereItDoesWithoutDrafts() {
    Engine without = open("qwen3", DraftPolicy.Mode.NEVER);
    Engine with = open("qwen3", DraftPolicy.Mode.ALWAYS);
    Reply expected = reply(without, repetitive(), REPEATING, Integer.MAX_VALUE);
    assertThat(reply(with, repetitive(), REPEATING, Integer.MAX_VALUE)).isEqualTo(expected);
    assertThat(with.drafts().acceptedTokens()).isPositive();
    assertThat(expected.ids()).hasSize(CONTEXT - repetitive().length);
  }

  @Test
  void whoIsCancelledInADraftCanGoOn() {
    Engine without = open("qwen3", DraftPolicy.Mode.NEVER);
    Engine with = open("qwen3", DraftPolicy.Mode.ALWAYS);
    List<Integer> whole = reply(without, repetitive(), REPEATING, 60).ids();
    for (int after = 40; after < 46; after++) {
      for (int more = 0; more < 6; more++) {
        int written = after;
        int[] left = {more};
        List<Integer> ids = new ArrayList<>();
        assertThatThrownBy(
                () ->
                    with.generate(
                        repetitive(),
                        REPEATING,
                        60,
                        ids::add,
                        () -> ids.size() >= written && left[0]-- <= 0))
            .isInstanceOf(CancellationException.class);
        assertThat(ids).isEqualTo(whole.subList(0, ids.size()));
        int[] next = followed(repetitive(), whole.subList(0, after));
        assertThat(reply(with, next, REPEATING, 8).ids())
            .isEqualTo(reply(without, next, REPEATING, 8).ids());
      }
    }
  }
}
