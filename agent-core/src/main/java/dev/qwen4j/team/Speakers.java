package dev.qwen4j.team;

import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.model.chat.StreamingChatModel;
import dev.langchain4j.model.chat.request.json.JsonObjectSchema;
import dev.qwen4j.agent.Agent;
import dev.qwen4j.agent.AgentEvent;
import dev.qwen4j.agent.Limits;
import dev.qwen4j.agent.RunResult;
import dev.qwen4j.agent.RunScope;
import dev.qwen4j.agent.StopReason;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** Who speaks next in a group. Depends on what was said and nothing else, so that it can resume. */
interface Speakers {
  /**
   * Who it is.
   *
   * @param name of a member, or empty when everything is said
   */
  record Next(String name, String reason) {}

  /** Says who speaks after what was said. */
  Next next(List<ChatMessage> said, RunScope scope);

  /** One after the other. */
  static Speakers inTurn(List<String> names) {
    return (said, scope) -> new Next(after(said, names), "in turn");
  }

  private static String after(List<ChatMessage> said, List<String> names) {
    int last =
        said.reversed().stream()
            .map(message -> SharedTalk.speaker(message).map(names::indexOf).orElse(-1))
            .filter(index -> index >= 0)
            .findFirst()
            .orElse(-1);
    return names.get((last + 1) % names.size());
  }

  /** Those who were mentioned and have not spoken since, in the order of being mentioned. */
  static Speakers byMention(List<String> names) {
    Pattern mention =
        Pattern.compile(
            names.stream()
                .sorted(
                    Comparator.comparingInt(String::length).reversed()) // The longer name first.
                .map(Pattern::quote)
                .collect(Collectors.joining("|", "@(", ")(?![\\p{L}\\p{N}_-])")));
    return (said, scope) -> {
      var waiting = new ArrayList<String>();
      for (ChatMessage message : said) {
        String speaker = SharedTalk.speaker(message).orElse("");
        waiting.remove(speaker);
        mention
            .matcher(SharedTalk.text(message))
            .results()
            .map(found -> found.group(1))
            .filter(name -> !name.equals(speaker) && !waiting.contains(name))
            .forEach(waiting::add);
      }
      return waiting.isEmpty()
          ? new Next(after(said, names), "in turn, since nobody was mentioned")
          : new Next(waiting.getFirst(), "mentioned");
    };
  }

  /** A model decides by a structured call; when it does not, they speak in turn. */
  static Speakers chosenBy(
      StreamingChatModel model, List<String> names, String described, Limits limits) {
    String nobody = "nobody";
    var choices = new ArrayList<>(names);
    choices.add(nobody);
    Agent chair =
        Agent.builder()
            .name("chair")
            .model(model)
            .instructions(
                "You chair a conversation and say who speaks next. You take no part in it. Call"
                    + " next_speaker; choose nobody when the purpose of the conversation is"
                    + " reached. The members are:\n"
                    + described)
            .tool(
                new ChoiceTool(
                    "next_speaker",
                    "Says who speaks next.",
                    JsonObjectSchema.builder()
                        .addEnumProperty("name", choices)
                        .addStringProperty("reason", "Why, in a few words")
                        .required("name")
                        .build()))
            .limits(limits.withMaxTurns(2))
            .build();
    return (said, scope) -> {
      String transcript =
          said.stream()
              .map(
                  message ->
                      SharedTalk.speaker(message).orElse("user") + ": " + SharedTalk.text(message))
              .collect(Collectors.joining("\n"));
      var question = UserMessage.from(transcript + "\n\nWho speaks next?");
      RunResult result = scope.run(chair, said.size() + "-chair", List.of(question));
      Optional<ChoiceTool.Choice> choice = ChoiceTool.in(result, Map.of("next_speaker", chair));
      String chosen = choice.map(c -> c.text("name")).orElse(result.text().strip());
      if (choices.contains(chosen)) {
        return new Next(
            chosen.equals(nobody) ? "" : chosen,
            choice.map(c -> c.text("reason")).orElse("chosen"));
      }
      String next = after(said, names);
      if (result.stopReason() != StopReason.CANCELLED) {
        scope.tell(
            new AgentEvent.Notice(
                scope.path(), "The chair chose nobody of the chat; " + next + " speaks in turn."));
      }
      return new Next(next, "in turn, since the chair chose nobody of the chat");
    };
  }
}
