package dev.qwen4j.examples.samples;

import dev.langchain4j.model.chat.StreamingChatModel;
import dev.qwen4j.agent.Agent;
import dev.qwen4j.session.Session;
import dev.qwen4j.testing.Replay;
import dev.qwen4j.testing.ScriptedModel;
import dev.qwen4j.tool.Cancellation;
import java.io.IOException;
import java.nio.file.Path;

/** A run that is kept once, and replayed against the agent as it is now: a regression test. */
public final class ReplayRun {
  private ReplayRun() {}

  static Agent agent(StreamingChatModel model, String instructions) {
    return Agent.builder()
        .model(model)
        .instructions(instructions)
        .toolsFrom(new SingleAgent.Shop())
        .build();
  }

  /** Once, with the real model. */
  static void keep(StreamingChatModel model, Path journal) throws IOException {
    try (Session session = Session.open(journal)) {
      agent(model, "Be kind.").run(session, "Any tea left?", event -> {}, new Cancellation());
    }
  }

  /** Ever after, without model and tools: what they said comes from the journal. */
  static String check(Agent changed, Path journal) throws IOException {
    Replay.Report report = Replay.of(journal).against(changed);
    return report
        .difference()
        .map(difference -> "It goes another way: " + difference)
        .orElse("All " + report.messages() + " messages are the same.");
  }

  public static void main(String[] args) throws Exception {
    Path journal = Path.of("kept.jsonl");
    SampleModel.use(args, model -> keep(model, journal));
    System.out.println(check(agent(new ScriptedModel(), "Be brief."), journal));
  }
}
