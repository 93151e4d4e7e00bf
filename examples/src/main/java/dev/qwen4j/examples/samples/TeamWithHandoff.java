package dev.qwen4j.examples.samples;

import dev.langchain4j.model.chat.StreamingChatModel;
import dev.qwen4j.agent.Agent;
import dev.qwen4j.agent.AgentEvent;
import dev.qwen4j.agent.AgentListener;
import dev.qwen4j.agent.RunResult;
import dev.qwen4j.team.Team;
import dev.qwen4j.tools.BasicTools;

/** Agents that hand over to each other, and one that works for another as its tool. */
public final class TeamWithHandoff {
  private TeamWithHandoff() {}

  static Team team(StreamingChatModel model) {
    Agent clerk =
        Agent.builder()
            .name("clerk")
            .description("Hears everybody first.")
            .instructions("You greet, and hand over whatever has to do with money.")
            .model(model)
            .build();
    Agent calculator =
        Agent.builder()
            .name("calculator_agent")
            .description("Calculates whatever it is told to.")
            .model(model)
            .tools(BasicTools.create())
            .build();
    Agent billing =
        Agent.builder()
            .name("billing")
            .description("Knows prices: a tea is 3, a cake 4.")
            .instructions("A tea is 3, a cake 4. Have sums calculated, and tell the total.")
            .model(model)
            .tool(calculator.asTool())
            .build();
    return Team.builder().agents(clerk, billing).build();
  }

  static RunResult ask(StreamingChatModel model, String question, AgentListener listener) {
    return team(model).run(question, listener);
  }

  public static void main(String[] args) throws Exception {
    AgentListener listener =
        event -> {
          if (event instanceof AgentEvent.Handoff handoff) {
            System.out.println("→ " + handoff.to() + ": " + handoff.reason());
          }
        };
    SampleModel.use(
        args, model -> System.out.println(ask(model, "What do 12 teas cost?", listener).text()));
  }
}
