package dev.qwen4j.examples.samples;

import dev.langchain4j.model.chat.StreamingChatModel;
import dev.qwen4j.agent.Agent;
import dev.qwen4j.agent.AgentEvent;
import dev.qwen4j.agent.AgentListener;
import dev.qwen4j.agent.RunResult;
import dev.qwen4j.team.GroupChat;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

/** Two agents and a person plan a trip: whoever is mentioned as @name speaks next. */
public final class GroupChatWithHuman {
  private GroupChatWithHuman() {}

  static RunResult talk(StreamingChatModel model, GroupChat.Human you, AgentListener listener) {
    GroupChat chat =
        GroupChat.builder()
            .agents(agent(model, "guide", "Knows places."), agent(model, "cook", "Knows food."))
            .human("you", you)
            .byMention()
            .maxUtterances(9)
            .build();
    return chat.run("Plan one day in Bonn for @you.", listener);
  }

  private static Agent agent(StreamingChatModel model, String name, String knows) {
    return Agent.builder()
        .name(name)
        .description(knows)
        .instructions(knows + " Be short. Ask @you when you need to know something.")
        .model(model)
        .build();
  }

  public static void main(String[] args) throws Exception {
    var in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    GroupChat.Human you =
        soFar -> {
          System.out.print("you (an empty line leaves): ");
          try {
            return Optional.ofNullable(in.readLine()).filter(line -> !line.isBlank());
          } catch (IOException e) {
            throw new UncheckedIOException("the terminal cannot be read", e);
          }
        };
    AgentListener listener =
        event -> {
          if (event instanceof AgentEvent.RunFinished run && run.isNested()) {
            System.out.println(run.agent() + ": " + run.result().text());
          }
        };
    SampleModel.use(args, model -> talk(model, you, listener));
  }
}
