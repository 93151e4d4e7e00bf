package dev.qwen4j.inference.internal.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class PromptLookupTest {
  private final int[] draft = {-1, -1, -1};

  private static PromptLookup after(int... ids) {
    return new PromptLookup(ids);
  }

  @Test
  void whatFollowedTheSameIdsIsProposed() {
    assertThat(after(9, 1, 2, 3, 4, 5, 6, 7, 1, 2, 3).propose(draft)).isEqualTo(3);
    assertThat(draft).containsExactly(4, 5, 6);
  }

  @Test
  void theLongestMatchCountsBeforeALaterOne() {
    int[] ids = {1, 2, 3, 4, 50, 51, 52, 2, 3, 4, 60, 61, 62, 1, 2, 3, 4};
    assertThat(after(ids).propose(draft)).isEqualTo(4);
    assertThat(draft).containsExactly(50, 51, 52);
  }

  @Test
  void ofEquallyLongMatchesTheLatestCounts() {
    int[] ids = {1, 2, 3, 50, 51, 52, 1, 2, 3, 60, 61, 62, 7, 1, 2, 3};
    assertThat(after(ids).propose(draft)).isEqualTo(3);
    assertThat(draft).containsExactly(60, 61, 62);
  }

  @Test
  void twoAlikeAreACoincidence() {
    assertThat(after(1, 2, 3, 4, 5, 9, 2, 3).propose(draft)).isZero();
    assertThat(after().propose(draft)).isZero();
    assertThat(after(1, 1, 1).propose(draft)).isZero();
    assertThat(draft).containsExactly(-1, -1, -1);
  }

  @Test
  void aTextThatRepeatsItselfIsExpectedToGoOn() {
    assertThat(after(5, 6, 5, 6, 5, 6).propose(draft)).isEqualTo(4);
    assertThat(draft).containsExactly(5, 6, 5);
    assertThat(after(8, 7, 7, 7, 7).propose(draft)).isEqualTo(3);
    assertThat(draft).containsExactly(7, 7, 7);
  }

  @Test
  void theReplyIsPartOfTheConversation() {
    PromptLookup lookup = after(1, 2, 3, 4, 5, 6);
    IntStream.of(9, 2, 3, 4).forEach(lookup::add);
    assertThat(lookup.propose(draft)).isEqualTo(3);
    assertThat(draft).containsExactly(5, 6, 9);
    lookup.add(5);
    assertThat(lookup.propose(draft)).isEqualTo(4);
    assertThat(draft).containsExactly(6, 9, 2);
  }

  /** The definition, without a thought for time. */
  private static int[] obvious(int[] ids) {
    int most = Math.min(PromptLookup.LONGEST, ids.length - 1);
    for (int n = most; n >= PromptLookup.SHORTEST; n--) {
      int[] latest = Arrays.copyOfRange(ids, ids.length - n, ids.length);
      for (int end = ids.length - 1; end >= n; end--) {
        if (Arrays.equals(latest, Arrays.copyOfRange(ids, end - n, end))) {
          int period = ids.length - end;
          return new int[] {n, ids[end], ids[end + 1 % period], ids[end + 2 % period]};
        }
      }
    }
    return new int[0];
  }

  @Test
  void itFindsWhatTheDefinitionSays() {
    Random random = new Random(5);
    for (int round = 0; round < 2_000; round++) {
      int alphabet = 1 + random.nextInt(4);
      int[] ids = random.ints(random.nextInt(60), 100, 100 + alphabet).toArray();
      int match = after(ids).propose(draft);
      int[] found =
          match == 0
              ? new int[0]
              : IntStream.concat(IntStream.of(match), Arrays.stream(draft)).toArray();
      assertThat(found).as(Arrays.toString(ids)).isEqualTo(obvious(ids));
    }
  }
}
