package dev.qwen4j.examples.samples;

import dev.langchain4j.model.chat.StreamingChatModel;
import dev.qwen4j.agent.Agent;
import dev.qwen4j.agent.Answer;
import dev.qwen4j.agent.ApprovalRules;
import dev.qwen4j.agent.ApprovalRules.Otherwise;
import dev.qwen4j.agent.Decision;
import dev.qwen4j.agent.RunResult;
import dev.qwen4j.agent.StopReason;
import dev.qwen4j.session.Session;
import dev.qwen4j.tool.Cancellation;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/** A run that waits in a file for somebody's decision, and goes on in another process. */
public final class SuspendAndResume {
  private SuspendAndResume() {}

  static Agent agent(StreamingChatModel model, Approvals.Mail mail) {
    return Agent.builder()
        .model(model)
        .toolsFrom(mail)
        .approval(new ApprovalRules(List.of(), List.of(), List.of(), Otherwise.ASK_CHANGES))
        .build();
  }

  /** The first process: the run ends with a question if the agent wants to change something. */
  static RunResult begin(Agent agent, Path file, String task) throws IOException {
    try (Session session = Session.open(file)) {
      return agent.run(session, task, event -> {}, new Cancellation());
    }
  }

  /** The second one: the call is made, or not, and the model is not asked for it again. */
  static RunResult goOn(Agent agent, Path file, Decision decision) throws IOException {
    try (Session session = Session.openExisting(file)) {
      List<Answer> answers =
          session.questions().stream().map(asked -> new Answer(asked, decision)).toList();
      return agent.resume(session, answers, event -> {}, new Cancellation());
    }
  }

  public static void main(String[] args) throws Exception {
    Path file = Path.of("suspended.jsonl");
    SampleModel.use(
        args,
        model -> {
          Agent agent = agent(model, new Approvals.Mail());
          RunResult result = begin(agent, file, "Send bo@home.example the word: tea.");
          if (result.stopReason() == StopReason.SUSPENDED) {
            System.out.println(result.questions().getFirst().text() + " Yes.");
            result = goOn(agent, file, new Decision.Allow());
          }
          System.out.println(result.text());
        });
  }
}
