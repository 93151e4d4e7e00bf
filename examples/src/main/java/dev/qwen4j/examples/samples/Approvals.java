package dev.qwen4j.examples.samples;

import dev.langchain4j.agent.tool.P;
import dev.langchain4j.agent.tool.Tool;
import dev.langchain4j.model.chat.StreamingChatModel;
import dev.qwen4j.agent.Agent;
import dev.qwen4j.agent.Approval;
import dev.qwen4j.agent.ApprovalRules;
import dev.qwen4j.agent.Decision;
import dev.qwen4j.agent.RunResult;
import java.util.ArrayList;
import java.util.List;

/** Who may do what: rules first, then a person for what they leave open. */
public final class Approvals {
  private Approvals() {}

  static final class Mail {
    final List<String> sent = new ArrayList<>();

    @Tool("Sends a mail")
    public String send(@P("the address") String to, @P("the text") String text) {
      sent.add(to + ": " + text);
      return "Sent.";
    }
  }

  /** Deny comes before ask, ask before allow; what no rule names, a person decides. */
  static Approval approval(Approval person) {
    ApprovalRules rules =
        ApprovalRules.parse(
            """
            {"deny": [{"tool": "send", "arguments": {"to": "*@press.example"}}],
             "allow": [{"tool": "send", "arguments": {"to": "*@office.example"}}],
             "otherwise": "ask"}
            """);
    return (call, tool) ->
        rules.decide(call, tool) instanceof Decision.Ask
            ? person.decide(call, tool)
            : rules.decide(call, tool);
  }

  static RunResult run(StreamingChatModel model, Mail mail, Approval person, String task) {
    Agent agent = Agent.builder().model(model).toolsFrom(mail).approval(approval(person)).build();
    return agent.run(task);
  }

  public static void main(String[] args) throws Exception {
    Approval person = (call, tool) -> new Decision.Deny("nobody is here to be asked.");
    SampleModel.use(
        args,
        model ->
            System.out.println(
                run(model, new Mail(), person, "Tell bo@home.example that tea is ready.").text()));
  }
}
