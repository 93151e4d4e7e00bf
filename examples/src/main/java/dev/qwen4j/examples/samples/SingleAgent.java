package dev.qwen4j.examples.samples;

import dev.langchain4j.agent.tool.P;
import dev.langchain4j.agent.tool.Tool;
import dev.langchain4j.model.chat.StreamingChatModel;
import dev.qwen4j.agent.Agent;
import dev.qwen4j.agent.AgentEvent;
import dev.qwen4j.agent.AgentListener;
import dev.qwen4j.agent.Limits;
import dev.qwen4j.agent.RunResult;
import java.time.Duration;

/** One agent with a tool of its own, and what happens while it works. */
public final class SingleAgent {
  private SingleAgent() {}

  /** Tools are ordinary methods. */
  static final class Shop {
    @Tool(value = "How many of an article are in stock", metadata = "{\"changesState\": false}")
    public int stock(@P("the article") String article) {
      return article.equals("tea") ? 3 : 0;
    }
  }

  static RunResult ask(StreamingChatModel model, String question, AgentListener listener) {
    Agent agent =
        Agent.builder()
            .model(model)
            .instructions("You answer for a small shop. Look before you promise.")
            .toolsFrom(new Shop())
            .limits(Limits.DEFAULT.withMaxTurns(5).withMaxTime(Duration.ofMinutes(2)))
            .build();
    return agent.run(question, listener);
  }

  public static void main(String[] args) throws Exception {
    SampleModel.use(
        args,
        model -> {
          RunResult result =
              ask(
                  model,
                  "Is there any tea left?",
                  event -> {
                    if (event instanceof AgentEvent.ToolCallFinished call) {
                      System.out.println(call.name() + " says " + call.content());
                    }
                  });
          System.out.println(result.text() + " (" + result.usage().totalTokenCount() + " tokens)");
        });
  }
}
