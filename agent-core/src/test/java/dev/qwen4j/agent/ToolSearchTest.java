package dev.qwen4j.agent;

import static dev.qwen4j.testing.ScriptedModel.reply;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.tuple;

import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.ToolExecutionResultMessage;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.json.JsonObjectSchema;
import dev.langchain4j.model.output.FinishReason;
import dev.qwen4j.memory.Memory;
import dev.qwen4j.session.Session;
import dev.qwen4j.testing.RecordingListener;
import dev.qwen4j.testing.Replay;
import dev.qwen4j.testing.ScriptedModel;
import dev.qwen4j.tool.Cancellation;
import dev.qwen4j.tool.Tool;
import dev.qwen4j.tool.ToolCall;
import dev.qwen4j.tool.ToolContext;
import dev.qwen4j.tool.ToolResult;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** An agent with so many tools that its model is not told of all of them. */
class ToolSearchTest {
  private static final String[][] SERVERS = {
    {"read_file", "Reads a file."},
    {"write_file", "Writes text into a file."},
    {"list_directory", "What is in a folder."},
    {"move_file", "Moves or renames."},
    {"create_issue", "Opens a new issue in a repository."},
    {"list_issues", "The issues of a repository, newest first."},
    {"close_issue", "Closes one."},
    {"create_pull_request", "Proposes the changes of a branch."},
    {"merge_pull_request", "Takes the changes over."},
    {"list_commits", "The history of a branch."},
    {"get_commit", "What a commit changed."},
    {"fork_repository", "Copies a repository into one's own account."},
    {"delete_repository", "Removes a repository for good."},
    {"search_code", "Finds code in all repositories."},
    {"sendEmail", "Sends a message to people."},
    {"list_mails", "What is in the mailbox."},
    {"createCalendarEvent", "Puts a meeting into the calendar."},
    {"list_events", "The meetings of a day."},
    {"get_weather", "Temperature and rain at a place."},
    {"convert_currency", "Turns an amount of money into another currency."},
    {"translate", "Says a text in another language."},
    {"查询天气", "查询某个城市的天气预报"},
    {"发送邮件", "给联系人发送电子邮件"},
  };

  @TempDir private Path folder;
  private final ScriptedModel model = new ScriptedModel();
  private final RecordingListener listener = new RecordingListener();
  private final List<String> ran = new CopyOnWriteArrayList<>();

  private final class ServerTool implements Tool {
    private final ToolSpecification specification;
    private final boolean ends;

    ServerTool(String name, String description, boolean ends) {
      this.ends = ends;
      this.specification =
          ToolSpecification.builder()
              .name(name)
              .description(description + " Ask the owner of what it is about when in doubt.")
              .parameters(
                  JsonObjectSchema.builder()
                      .addStringProperty("x", "What it is about, in the words of its owner")
                      .addIntegerProperty("n", "How many of them, if not all")
                      .build())
              .build();
    }

    @Override
    public ToolSpecification specification() {
      return specification;
    }

    @Override
    public boolean changesState() {
      return !name().startsWith("list_") && !name().startsWith("get_");
    }

    @Override
    public boolean endsRun() {
      return ends;
    }

    @Override
    public ToolResult call(ToolCall call, ToolContext context) {
      ran.add(call.name() + " " + call.arguments().json());
      return ToolResult.of("done " + ran.size());
    }
  }

  private List<Tool> tools() {
    var tools = new ArrayList<Tool>();
    for (String[] tool : SERVERS) {
      tools.add(new ServerTool(tool[0], tool[1], false));
    }
    return tools;
  }

  private Agent.Builder everything() {
    return Agent.builder().model(model).tools(tools());
  }

  private Agent.Builder searching() {
    return everything().toolSearch(20, "read_file");
  }

  private static List<String> declared(ChatRequest request) {
    return request.toolSpecifications().stream().map(ToolSpecification::name).toList();
  }

  private static List<ToolExecutionRequest> calls(List<ChatMessage> messages) {
    return messages.stream()
        .filter(AiMessage.class::isInstance)
        .flatMap(message -> ((AiMessage) message).toolExecutionRequests().stream())
        .toList();
  }

  private static List<String> results(RunResult result) {
    return result.messages().stream()
        .filter(ToolExecutionResultMessage.class::isInstance)
        .map(message -> ((ToolExecutionResultMessage) message).text())
        .toList();
  }

  @Test
  void amongManyToolsTheModelLooksForTheRightOne() {
    model
        .enqueue(reply().call("search_tools", "{\"query\":\"open an issue\"}"))
        .enqueue(
            reply()
                .call("call_tool", "{\"name\":\"create_issue\",\"arguments\":{\"x\":\"it leaks\"}}")
                .call("read_file", "{\"x\":\"a\"}"))
        .enqueueText("Opened.");
    RunResult result = searching().build().run("Report the leak.", listener);

    assertThat(result.text()).isEqualTo("Opened.");
    assertThat(ran).containsExactly("create_issue {\"x\":\"it leaks\"}", "read_file {\"x\":\"a\"}");
    assertThat(results(result).getFirst())
        .startsWith("Call what you need of these with call_tool {\"name\": \"create_issue\",")
        .contains("\"What it is about, in the words of its owner\"");
  }

  @Test
  void whatIsDeclaredIsLittleAndStaysTheSameByteForByte() {
    amongManyToolsTheModelLooksForTheRightOne();
    List<ChatRequest> requests = model.requests();
    for (int i = 0; i < requests.size(); i++) {
      assertThat(declared(requests.get(i)))
          .containsExactly("read_file", "search_tools", "call_tool");
      assertThat(requests.get(i).toolSpecifications())
          .isEqualTo(requests.getFirst().toolSpecifications());
      if (i > 0) {
        List<ChatMessage> before = requests.get(i - 1).messages();
        assertThat(requests.get(i).messages().subList(0, before.size())).isEqualTo(before);
      }
    }
    List<ToolSpecification> all = tools().stream().map(Tool::specification).toList();
    assertThat(requests.getFirst().toolSpecifications().toString().length())
        .isLessThan(all.toString().length() / 3);
    List<ToolExecutionRequest> written = calls(requests.getLast().messages());
    assertThat(written)
        .extracting(ToolExecutionRequest::name)
        .containsExactly("search_tools", "call_tool", "read_file");
    assertThat(written.get(1).arguments())
        .isEqualTo("{\"name\":\"create_issue\",\"arguments\":{\"x\":\"it leaks\"}}");
    assertThat(requests.getLast().messages())
        .filteredOn(ToolExecutionResultMessage.class::isInstance)
        .extracting(message -> ((ToolExecutionResultMessage) message).toolName())
        .containsExactly("search_tools", "call_tool", "read_file");
  }

  @Test
  void everybodyElseSeesTheToolThatIsMeant() {
    var hooked = new ArrayList<String>();
    Hook hook =
        new Hook() {
          @Override
          public Verdict<AiMessage> afterReply(AiMessage reply) {
            reply.toolExecutionRequests().forEach(call -> hooked.add("reply " + call.name()));
            return Verdict.pass();
          }

          @Override
          public Verdict<ToolCall> beforeTool(ToolCall call) {
            hooked.add(call.name() + " " + call.arguments().json());
            return Verdict.pass();
          }
        };
    model
        .enqueue(
            reply()
                .call("1", "call_tool", "{\"name\":\"delete_repository\",\"arguments\":{}}")
                .call("2", "call_tool", "{\"name\":\"list_issues\",\"arguments\":{\"x\":\"a\"}}"))
        .enqueue(
            reply()
                .call("3", "list_issues", "{\"x\":\"a\"}")
                .call("4", "call_tool", "{\"name\":\"list_mails\",\"arguments\":{}}"))
        .enqueueText("Done.");
    RunResult result =
        searching()
            .hook(hook)
            .approval(ApprovalRules.parse("{\"deny\":[\"delete_*\"],\"otherwise\":\"allow\"}"))
            .limits(Limits.DEFAULT.withMaxToolCalls(3))
            .build()
            .run("go", listener);

    assertThat(hooked)
        .containsExactly(
            "reply delete_repository",
            "reply list_issues",
            "delete_repository {}",
            "list_issues {\"x\":\"a\"}",
            "reply list_issues",
            "reply list_mails",
            "list_issues {\"x\":\"a\"}");
    assertThat(results(result).getFirst()).startsWith("Denied: the rule 'deny delete_*'");
    assertThat(ran).as("the second is the same call").hasSize(1);
    assertThat(results(result).getLast()).startsWith("Not run: this run may make 3 tool calls");
    assertThat(listener.events(AgentEvent.ToolCallStarted.class))
        .extracting(AgentEvent.ToolCallStarted::name, AgentEvent.ToolCallStarted::arguments)
        .startsWith(tuple("delete_repository", "{}"), tuple("list_issues", "{\"x\":\"a\"}"));
    assertThat(calls(result.messages()))
        .extracting(ToolExecutionRequest::name)
        .containsExactly("delete_repository", "list_issues", "list_issues", "list_mails");
  }

  @Test
  void aSuspendedRunIsResumedWithTheSearchOrWithoutIt() throws IOException {
    for (boolean search : new boolean[] {true, false}) {
      ran.clear();
      var rules = ApprovalRules.parse("{\"otherwise\":\"ask_changes\"}");
      model.enqueue(
          reply().call("call_tool", "{\"name\":\"close_issue\",\"arguments\":{\"n\":\"7\"}}"));
      Path file = folder.resolve("session" + search);
      try (Session session = Session.open(file)) {
        RunResult asked =
            searching()
                .approval(rules)
                .build()
                .run(session, "Close it.", listener, new Cancellation());
        assertThat(asked.questions()).singleElement().extracting("tool").isEqualTo("close_issue");
      }
      model.enqueueText("Closed.");
      try (Session session = Session.open(file)) {
        Agent agent = (search ? searching() : everything()).approval(rules).build();
        var answer = new Answer(session.questions().getFirst(), new Decision.Allow());
        RunResult result = agent.resume(session, List.of(answer), listener, new Cancellation());
        assertThat(result.text()).isEqualTo("Closed.");
        assertThat(ran).containsExactly("close_issue {\"n\":7}");
        assertThat(calls(model.requests().getLast().messages()).getFirst().name())
            .isEqualTo(search ? "call_tool" : "close_issue");
      }
    }
  }

  @Test
  void aJournalWithASearchIsReplayed() throws IOException {
    Path file = folder.resolve("journal");
    model
        .enqueue(reply().call("search_tools", "{\"query\":\"weather\"}"))
        .enqueue(
            reply().call("call_tool", "{\"name\":\"get_weather\",\"arguments\":{\"x\":\"Ulm\"}}"))
        .enqueueText("Rain.");
    Agent agent = searching().build();
    try (Session session = Session.open(file)) {
      agent.run(session, "Ulm?", listener, new Cancellation());
    }
    assertThat(Replay.of(file).against(agent).difference()).isEmpty();
    assertThat(ran).hasSize(1);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"name\":\"move_file\",\"arguments\":{\"x\":\"a\"}}",
        "{\"arguments\":{\"x\":\"a\"},\"name\":\"move_file\"}",
        "{\"name\":\"move_file\",\"arguments\":\"{\\\"x\\\":\\\"a\\\"}\"}",
        "{\"name\":\"move_file\",\"x\":\"a\"}",
        "{\"name\":\"Move-File\",\"arguments\":{\"x\":\"a\"}}",
        "{'name': 'move_file', 'arguments': {'x': 'a'}}",
        "{\"name\":\"call_tool\",\"arguments\":{\"name\":\"move_file\",\"arguments\":{\"x\":\"a\"}}}"
      })
  void aCallIsReadInTheWaysThatModelsWriteIt(String arguments) {
    model.enqueue(reply().call("call_tool", arguments)).enqueueText("Moved.");
    searching().build().run("go", listener);
    assertThat(ran).containsExactly("move_file {\"x\":\"a\"}");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        """
        <tool_call>
        {"name": "call_tool", "arguments": {"name": "move_file", "arguments": {"x": "a"}}}
        </tool_call>\
        """,
        """
        <tool_call>
        <function=call_tool>
        <parameter=name>
        move_file
        </parameter>
        <parameter=arguments>
        {"x": "a"}
        </parameter>
        </function>
        </tool_call>\
        """,
        """
        {"name": "call_tool", "arguments": {"name": "move_file", "arguments": {"x": "a"}}}\
        """,
        """
        {"name": "move_file", "arguments": {"x": "a"}}\
        """
      })
  void aCallThatTheHostLeftInTheTextIsReadToo(String text) {
    model.enqueueText(text).enqueueText("Moved.");
    assertThat(searching().build().run("go", listener).text()).isEqualTo("Moved.");
    assertThat(ran).containsExactly("move_file {\"x\":\"a\"}");
  }

  @Test
  void whatIsWrongWithACallIsToldOfTheToolThatWasMeant() {
    model
        .enqueue(
            reply()
                .call("call_tool", "{\"name\":\"create_isue\",\"arguments\":{}}")
                .call("call_tool", "{\"name\":\"list_mails\",\"arguments\":{\"n\":\"many\"}}")
                .call("call_tool", "{\"arguments\":{\"n\":1}}")
                .call("call_tool", "{\"name\":"))
        .enqueue(
            reply()
                .call("call_tool", "{\"name\":\"write_file\",\"arguments\":{\"x\":\"half\"")
                .finish(FinishReason.LENGTH))
        .enqueueText("Sorry.");
    RunResult result = searching().build().run("go", listener);
    List<String> told = results(result);
    assertThat(told.get(0))
        .startsWith("There is no tool 'create_isue'. Did you mean 'create_issue'?")
        .endsWith("The tools are: read_file, search_tools, call_tool.");
    assertThat(told.get(1)).startsWith("The arguments of 'list_mails' do not fit.");
    assertThat(told.get(2)).startsWith("The arguments of 'call_tool' do not fit.").contains("name");
    assertThat(told.get(3)).contains("not valid JSON");
    assertThat(told.get(4)).contains("cut off at its length limit");
    assertThat(ran).isEmpty();
  }

  @ParameterizedTest
  @CsvSource({
    "open a new issue, create_issue",
    "files, read_file move_file write_file",
    "send an e-mail to Bob, sendEmail",
    "calendar, createCalendarEvent",
    "how much is it in other currencies?, convert_currency",
    "what did the commit change, get_commit",
    "list_events, list_events",
    "I need `merge_pull_request`, merge_pull_request",
    "北京的天气, 查询天气",
    "邮件, 发送邮件",
  })
  void aToolIsFoundByWhatItDoes(String query, String best) {
    List<String> found =
        new ToolFinder(tools()).find(query).stream().map(ToolSpecification::name).toList();
    List<String> expected = List.of(best.split(" "));
    assertThat(found.subList(0, expected.size())).containsExactlyInAnyOrderElementsOf(expected);
    assertThat(found).hasSizeLessThanOrEqualTo(5);
  }

  @Test
  void whoFindsNothingIsToldWhatThereIs() {
    model.enqueue(reply().call("search_tools", "{\"query\":\"zzz\"}")).enqueueText("Nothing.");
    RunResult result = searching().build().run("go", listener);
    assertThat(results(result).getFirst())
        .startsWith("No tool is about 'zzz'. There are: close_issue, convert_currency,");
  }

  @Test
  void veryManyNamesAreNotAllTold() {
    var many = new ArrayList<Tool>();
    for (int i = 0; i < 1000; i++) {
      many.add(new ServerTool("server_tool_number_" + i, "Number " + i, false));
    }
    model.enqueueText("Hello.");
    Agent.builder().model(model).tools(many).toolSearch(0).build().run("go", listener);
    ChatRequest request = model.requests().getFirst();
    assertThat(declared(request)).containsExactly("search_tools", "call_tool");
    assertThat(request.toolSpecifications().getFirst().description())
        .contains("There are 1000: server_tool_number_0, ")
        .endsWith(" more.")
        .hasSizeLessThan(2_000);
  }

  @Test
  void aFewToolsAreAllDeclared() {
    model.enqueueText("Hello.");
    everything().toolSearch(SERVERS.length).build().run("go", listener);
    assertThat(declared(model.requests().getFirst())).hasSize(SERVERS.length).contains("translate");
  }

  @Test
  void toolsThatNobodyWouldLookForAreDeclared() {
    model.enqueueText("Hello.");
    everything()
        .memory(Memory.file(folder.resolve("memory")))
        .tool(new ServerTool("transfer", "Hands over.", true))
        .toolSearch(20)
        .build()
        .toBuilder()
        .build()
        .run("go", listener);
    assertThat(declared(model.requests().getFirst()))
        .contains("transfer", "search_tools", "call_tool")
        .hasSize(6)
        .doesNotContain("read_file");
  }

  @Test
  void aSearchThatCannotWorkIsRefusedWithTheFix() {
    assertThatThrownBy(() -> everything().toolSearch(20, "read_fil").build())
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("no such tool. Did you mean 'read_file'?");
    assertThatThrownBy(() -> everything().toolSearch(-1))
        .hasMessage("mostDeclared must be 0 or more, but was -1");
    var taken = new ServerTool("call_tool", "Calls somebody.", false);
    assertThatThrownBy(() -> everything().tool(taken).toolSearch(20).build())
        .hasMessageContaining("'call_tool'")
        .hasMessageContaining("rename it");
  }
}
