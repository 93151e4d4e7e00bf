package dev.qwen4j.examples;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.langchain4j.data.message.UserMessage;
import dev.qwen4j.agent.Agent;
import dev.qwen4j.agent.AgentEvent;
import dev.qwen4j.agent.Limits;
import dev.qwen4j.agent.RunResult;
import dev.qwen4j.rag.DocumentIndex;
import dev.qwen4j.tool.Cancellation;
import dev.qwen4j.tool.Tool;
import dev.qwen4j.tools.BasicTools;
import dev.qwen4j.tools.CodingTools;
import dev.qwen4j.tools.NoteTools;
import dev.qwen4j.tools.WebTools;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Clock;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/**
 * {@code qwen4j debug agent}: tasks that bring their own world, for measuring how many a model
 * solves. Each runs through the real loop with the real tools, on files, notes and documents that
 * are there for it alone.
 */
@Command(
    name = "agent",
    description = "What an agent does with tasks that bring their own files, notes and clock.",
    footer = {
      "",
      "in   {\"prompt\":\"…\",\"tools\":[\"read_file\",…],\"instructions\":\"…\",",
      "      \"files\":{\"a.txt\":\"…\"},\"notes\":{\"key\":\"…\"},\"documents\":{\"b.md\":\"…\"},",
      "      \"clock\":\"2026-11-22T12:00:00Z\",\"zone\":\"UTC\"}",
      "out  {\"calls\":[{\"turn\":1,\"name\":\"…\",\"arguments\":\"…\",\"is_error\":false,\"result\":\"…\"}],",
      "      \"text\":\"…\",\"stop_reason\":\"answer\",\"notices\":[…],\"notes\":{…}}",
      "",
      "Only prompt must be there. Tools come in the order named; without any, none is offered.",
      "Without --model, the demo model runs.",
      "",
      "Example:",
      "  echo '{\"prompt\":\"What is 6 * 7?\",\"tools\":[\"calculator\"]}' | qwen4j debug agent"
    })
final class DebugAgentCommand implements Callable<Integer> {
  private static final Limits LIMITS =
      Limits.DEFAULT.withMaxTurns(8).withMaxToolCalls(16).withMaxReplyTokens(400);

  private final Surroundings surroundings;
  @Mixin private ModelOption model = new ModelOption();
  @Mixin private GenerationOptions generation = new GenerationOptions();

  DebugAgentCommand(Surroundings surroundings) {
    this.surroundings = surroundings;
  }

  @Override
  public Integer call() throws Exception {
    ModelSource source = model.sourceOrDemo(surroundings);
    generation.check(source);
    try (OpenModel opened = source.open(generation, surroundings, surroundings::complain)) {
      return JsonLines.answer(surroundings, line -> answer(opened, line)).code();
    }
  }

  private static ObjectNode answer(OpenModel model, ObjectNode line) {
    String prompt = JsonLines.text(line, "prompt");
    try (TaskFolder world = TaskFolder.create()) {
      return run(model, line, prompt, world);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static ObjectNode run(OpenModel model, ObjectNode line, String prompt, TaskFolder world)
      throws IOException {
    Path workspace = world.with("workspace", JsonLines.texts(line, "files"));
    Map<String, String> files = JsonLines.texts(line, "documents");
    Path documents = world.with("documents", files);
    Map<String, String> notes = new ConcurrentHashMap<>(JsonLines.texts(line, "notes"));
    try (DocumentIndex index = DocumentIndex.open(world.path().resolve("index"))) {
      if (!files.isEmpty()) {
        index.add(documents);
      }
      Map<String, Tool> all = new LinkedHashMap<>();
      Stream.of(
              BasicTools.at(clock(line)),
              CodingTools.readOnly(workspace),
              NoteTools.over(notes),
              index,
              WebTools.create())
          .flatMap(toolbox -> toolbox.tools().stream())
          .forEach(tool -> all.put(tool.name(), tool));
      List<Tool> offered = new ArrayList<>();
      for (JsonNode name : line.path("tools")) {
        Tool tool = all.get(name.asText());
        if (tool == null) {
          throw new IllegalArgumentException(
              "\"tools\" may name %s, but has %s".formatted(all.keySet(), name));
        }
        offered.add(tool);
      }
      Agent agent =
          ExampleAgent.withoutTools(model)
              .instructions(line.path("instructions").asText(""))
              .tools(offered)
              .limits(LIMITS)
              .build();
      return run(agent, prompt, notes);
    }
  }

  private static ObjectNode run(Agent agent, String prompt, Map<String, String> notes) {
    ObjectNode answer = JsonLines.JSON.createObjectNode();
    Map<String, ObjectNode> calls = new LinkedHashMap<>();
    ArrayNode notices = JsonLines.JSON.createArrayNode();
    int[] turn = {0};
    RunResult result =
        agent.run(
            List.of(UserMessage.from(prompt)),
            event -> {
              if (event instanceof AgentEvent.TurnStarted started) {
                turn[0] = started.turn();
              } else if (event instanceof AgentEvent.ToolCallStarted call) {
                calls.put(
                    call.id(),
                    JsonLines.JSON
                        .createObjectNode()
                        .put("turn", turn[0])
                        .put("name", call.name())
                        .put("arguments", call.arguments()));
              } else if (event instanceof AgentEvent.ToolCallFinished call) {
                calls.computeIfPresent(
                    call.id(),
                    (id, made) ->
                        made.put("is_error", call.isError()).put("result", call.content()));
              } else if (event instanceof AgentEvent.Notice notice) {
                notices.add(notice.text());
              }
            },
            new Cancellation());
    answer.putArray("calls").addAll(calls.values());
    answer.put("text", result.text()).put("stop_reason", result.stopReason().id());
    answer.set("notices", notices);
    answer.set("notes", JsonLines.JSON.valueToTree(notes));
    return answer;
  }

  private static Clock clock(ObjectNode line) {
    try {
      ZoneId zone = ZoneId.of(line.path("zone").asText("UTC"));
      String at = line.path("clock").asText("");
      return at.isEmpty() ? Clock.system(zone) : Clock.fixed(Instant.parse(at), zone);
    } catch (DateTimeException e) {
      throw new IllegalArgumentException(
          "\"clock\" must be a moment such as 2026-11-22T12:00:00Z and \"zone\" a zone such as"
              + " Europe/Paris, but: "
              + e.getMessage(),
          e);
    }
  }
}
