package dev.qwen4j.inference.internal.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class DraftingTest {
  private static final int VOCABULARY = 50;

  private final DraftRecord record = new DraftRecord();
  private DraftPolicy.Mode mode = DraftPolicy.Mode.ALWAYS;
  private boolean allowed = true;

  /** A model that goes on with what it is to write, and with nonsense after anything else. */
  private static final class Scripted implements Drafting.Text {
    final List<Integer> script;
    final List<Integer> read;
    final List<Integer> steps = new ArrayList<>(); // tokens read in each
    boolean cancelled;
    boolean takesDrafts = true;

    Scripted(List<Integer> script, int prompt) {
      this.script = script;
      this.read = new ArrayList<>(script.subList(0, prompt));
    }

    @Override
    public int position() {
      return read.size();
    }

    @Override
    public boolean takesDrafts() {
      return takesDrafts;
    }

    @Override
    public void read(int[] ids, float[] logits) {
      if (cancelled) {
        throw new CancellationException();
      }
      steps.add(ids.length);
      for (int i = 0; i < ids.length; i++) {
        read.add(ids[i]);
        Arrays.fill(logits, i * VOCABULARY, (i + 1) * VOCABULARY, 0);
        logits[i * VOCABULARY + next()] = 1;
      }
    }

    /** The script's next token, if all before it are the script's. */
    int next() {
      int n = read.size();
      boolean asWritten = n < script.size() && read.equals(script.subList(0, n));
      return asWritten ? script.get(n) : VOCABULARY - 1;
    }

    @Override
    public void forgetFrom(int position) {
      assertThat(position).isLessThan(read.size());
      read.subList(position, read.size()).clear();
    }
  }

  private Drafting drafting(Scripted text) {
    int[] prompt = text.read.stream().mapToInt(Integer::intValue).toArray();
    return new Drafting(
        new PromptLookup(prompt),
        text,
        record,
        new DraftPolicy(mode, record),
        () -> allowed,
        () -> 0);
  }

  /** Writes so many tokens greedily, as the engine does. */
  private static List<Integer> write(Drafting drafting, Scripted text, int most) {
    List<Integer> reply = new ArrayList<>();
    float[] logits = new float[VOCABULARY];
    logits[text.next()] = 1;
    while (reply.size() < most) {
      int id = IntStream.range(0, VOCABULARY).filter(i -> logits[i] == 1).findFirst().orElseThrow();
      reply.add(id);
      if (reply.size() < most) {
        drafting.follow(id, most - reply.size(), logits);
      }
    }
    return reply;
  }

  private static Scripted copying() {
    // Twenty tokens, and then the same again but for one in the middle.
    List<Integer> script = new ArrayList<>(IntStream.range(0, 20).boxed().toList());
    script.addAll(IntStream.range(0, 20).map(i -> i == 10 ? 40 : i).boxed().toList());
    return new Scripted(script, 20);
  }

  @Test
  void aCopyIsWrittenInFewerSteps() {
    Scripted text = copying();
    Drafting drafting = drafting(text);
    assertThat(write(drafting, text, 20)).isEqualTo(text.script.subList(20, 40));
    // 3 alike: 0 1 2. Then drafts: 3 4 5 after 2; 7 8 9 after 6; refused: 11 12 13 after 10's
    // place.
    assertThat(text.steps).startsWith(1, 1, 4, 4).contains(1, 4);
    assertThat(text.steps.size()).isLessThan(15);
    assertThat(record.acceptedTokens()).isGreaterThanOrEqualTo(8);
    assertThat(record.draftedTokens())
        .isEqualTo(3L * text.steps.stream().filter(n -> n == 4).count());
  }

  @Test
  void theTextHoldsWhatWasSampledAndNothingElse() {
    for (int most = 1; most <= 20; most++) {
      Scripted text = copying();
      Drafting drafting = drafting(text);
      assertThat(write(drafting, text, most)).isEqualTo(text.script.subList(20, 20 + most));
      drafting.end();
      // The last token was sampled and never read.
      assertThat(text.read).isEqualTo(text.script.subList(0, 20 + most - 1));
    }
  }

  @Test
  void whoStopsInTheMiddleOfADraftLeavesNothingOfTheRest() {
    for (int stop = 1; stop <= 20; stop++) {
      Scripted text = copying();
      Drafting drafting = drafting(text);
      float[] logits = new float[VOCABULARY];
      for (int i = 0; i < stop - 1; i++) {
        drafting.follow(text.script.get(20 + i), 100, logits);
      }
      drafting.end();
      assertThat(text.read).isEqualTo(text.script.subList(0, 20 + stop - 1));
      drafting.end();
      assertThat(text.read).hasSize(20 + stop - 1);
    }
  }

  @Test
  void nothingIsDraftedBeyondTheEnd() {
    Scripted text = copying();
    Drafting drafting = drafting(text);
    float[] logits = new float[VOCABULARY];
    for (int i = 0; i < 10; i++) {
      drafting.follow(i, 3, logits);
    }
    assertThat(text.steps).containsOnly(1);
    drafting.follow(11, 4, logits); // no match
    assertThat(text.steps).containsOnly(1);
  }

  @Test
  void whatIsNotAllowedIsNotDrafted() {
    allowed = false;
    Scripted text = copying();
    write(drafting(text), text, 20);
    assertThat(text.steps).containsOnly(1);
    mode = DraftPolicy.Mode.NEVER;
    allowed = true;
    Scripted again = copying();
    write(drafting(again), again, 20);
    assertThat(again.steps).containsOnly(1);
    mode = DraftPolicy.Mode.ALWAYS;
    Scripted recurrent = copying();
    recurrent.takesDrafts = false;
    write(drafting(recurrent), recurrent, 20);
    assertThat(recurrent.steps).containsOnly(1);
  }

  @Test
  void aCancelledStepLeavesTheTextAsItWas() {
    Scripted text = copying();
    Drafting drafting = drafting(text);
    float[] logits = new float[VOCABULARY];
    drafting.follow(0, 100, logits);
    drafting.follow(1, 100, logits);
    text.cancelled = true;
    assertThatThrownBy(() -> drafting.follow(2, 100, logits))
        .isInstanceOf(CancellationException.class);
    drafting.end();
    assertThat(text.read).isEqualTo(text.script.subList(0, 22));
  }

  @Test
  void theFirstStepIsASingleOneSoThatThereIsATimeToCompareWith() {
    mode = DraftPolicy.Mode.WHERE_IT_PAYS;
    Scripted text = new Scripted(List.of(1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6), 9);
    write(drafting(text), text, 3);
    assertThat(text.steps).startsWith(1);
  }
}
