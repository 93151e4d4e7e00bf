package dev.qwen4j.inference.internal.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class StopSequencesTest {
  @Test
  void aReplyWithoutOnePassesUnchanged() {
    StopSequences stops = new StopSequences(List.of());
    assertThat(stops.accept("anything")).isEqualTo("anything");
    assertThat(stops.finish()).isEmpty();
    assertThat(stops.reached()).isFalse();
  }

  @Test
  void theReplyEndsBeforeTheFirstOfThem() {
    StopSequences stops = new StopSequences(List.of("END", "STOP"));
    assertThat(stops.accept("one STOP two END three")).isEqualTo("one ");
    assertThat(stops.reached()).isTrue();
    assertThat(stops.accept("more")).isEmpty();
    assertThat(stops.finish()).isEmpty();
  }

  @Test
  void whatMayBecomeOneIsHeldBack() {
    StopSequences stops = new StopSequences(List.of("</s>"));
    assertThat(stops.accept("a <")).isEqualTo("a ");
    assertThat(stops.accept("/")).isEmpty();
    assertThat(stops.accept("b")).isEqualTo("</b");
    assertThat(stops.accept("</")).isEmpty();
    assertThat(stops.accept("s>c")).isEmpty();
    assertThat(stops.reached()).isTrue();
  }

  @Test
  void whatWasHeldBackComesAtTheEnd() {
    StopSequences stops = new StopSequences(List.of("\n\nUser:", ""));
    assertThat(stops.accept("text\n\nUs")).isEqualTo("text");
    assertThat(stops.finish()).isEqualTo("\n\nUs");
    assertThat(stops.reached()).isFalse();
  }

  @Test
  void oneCutAnywhereIsFound() {
    String reply = "aabaabaaab!";
    for (int cut = 0; cut <= reply.length(); cut++) {
      StopSequences stops = new StopSequences(List.of("aaab"));
      String text = stops.accept(reply.substring(0, cut)) + stops.accept(reply.substring(cut));
      assertThat(text).as("cut at %d", cut).isEqualTo("aabaab");
    }
  }
}
