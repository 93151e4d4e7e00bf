package dev.qwen4j.examples;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Runs that are kept, suspended, resumed, copied and exported from the command line. */
class SessionCommandTest {
  private static final String CALL = "{\"expression\": \"6 * 7\"}";

  private final ScriptedEndpoint endpoint = new ScriptedEndpoint();
  @TempDir private Path folder;

  @AfterEach
  void stop() {
    endpoint.close();
  }

  private Path session() {
    return folder.resolve("session.jsonl");
  }

  private Outcome run(String... args) {
    String[] all = new String[args.length + 4];
    all[0] = "run";
    all[1] = "--json";
    all[2] = "--model";
    all[3] = endpoint.model();
    System.arraycopy(args, 0, all, 4, args.length);
    return Outcome.of(all);
  }

  private Outcome suspended() throws IOException {
    Path rules = folder.resolve("rules.json");
    Files.writeString(rules, "{\"ask\": [\"calculator\"], \"otherwise\": \"allow\"}");
    endpoint.calls("call_1", "calculator", CALL);
    return run("--session", session().toString(), "--approve", rules.toString(), "What is 6 * 7?");
  }

  @Test
  void aSessionGoesOnWithWhatWasSaid() {
    endpoint.answers("Hello, Ada.").answers("Ada.");

    run("--session", session().toString(), "I am Ada");
    Outcome outcome = run("--resume", session().toString(), "Who am I?");

    assertThat(outcome.result().path("text").asText()).isEqualTo("Ada.");
    assertThat(endpoint.requests().getLast().getBodyAsString())
        .contains("I am Ada", "Hello, Ada.", "Who am I?");
  }

  @Test
  void aQuestionSuspendsTheRunAndTheAnswerGoesOnWithoutAskingTheModelAgain() throws Exception {
    Outcome asked = suspended();

    assertThat(asked.exitCode()).isEqualTo(4);
    assertThat(asked.lines("tool_result")).isEmpty();
    assertThat(asked.lines("question")).hasSize(1);
    assertThat(asked.result().path("stop_reason").asText()).isEqualTo("suspended");
    assertThat(asked.result().path("question").path("id").asText()).isEqualTo("call_1");
    assertThat(asked.result().path("question").path("name").asText()).isEqualTo("calculator");
    assertThat(asked.result().path("question").path("arguments").toString())
        .isEqualTo("{\"expression\":\"6 * 7\"}");
    assertThat(endpoint.requests()).hasSize(1);

    endpoint.answers("It is 42.");
    Outcome resumed = run("--resume", session().toString(), "--answer", "allow");

    assertThat(resumed.exitCode()).isZero();
    assertThat(resumed.lines("tool_result").getFirst().path("content").asText()).contains("42");
    assertThat(resumed.result().path("text").asText()).isEqualTo("It is 42.");
    assertThat(endpoint.requests()).hasSize(2);
  }

  @Test
  void withoutAnAnswerTheQuestionStandsAndIsAskedOfWhoeverIsThere() throws Exception {
    suspended();

    Outcome nobody = run("--resume", session().toString());
    assertThat(nobody.exitCode()).isEqualTo(4);
    assertThat(nobody.result().path("question").path("id").asText()).isEqualTo("call_1");
    assertThat(nobody.lines("tool_result")).isEmpty();

    endpoint.answers("It is 42.");
    Outcome person =
        Outcome.onTerminal("y\n", "run", "-m", endpoint.model(), "--resume", session().toString());
    assertThat(person.err()).contains("? May calculator run with");
    assertThat(person.out()).contains("← 42").contains("It is 42.");
    assertThat(person.exitCode()).isZero();
  }

  @Test
  void whatASessionHasAskedAboutItAsksAboutAgain() throws Exception {
    suspended();
    endpoint.calls("call_2", "calculator", "{\"expression\": \"1 + 1\"}");

    Outcome resumed = run("--resume", session().toString(), "--answer", "allow");

    assertThat(resumed.lines("tool_result")).hasSize(1);
    assertThat(resumed.exitCode()).isEqualTo(4);
    assertThat(resumed.result().path("question").path("id").asText()).isEqualTo("call_2");
  }

  @Test
  void aNoIsToldToTheModel() throws Exception {
    suspended();
    endpoint.answers("Then I cannot say.");

    Outcome resumed = run("--resume", session().toString(), "--answer", "deny");

    assertThat(resumed.lines("tool_result").getFirst().path("content").asText())
        .isEqualTo("Denied: the user said no.");
    assertThat(resumed.exitCode()).isZero();
  }

  @Test
  void withoutASessionNobodyCanBeAskedLater() throws Exception {
    Path rules = folder.resolve("rules.json");
    Files.writeString(rules, "{\"otherwise\": \"ask\"}");
    endpoint.calls("call_1", "calculator", CALL);
    endpoint.answers("I may not.");

    Outcome outcome = run("--approve", rules.toString(), "What is 6 * 7?");

    assertThat(outcome.lines("tool_result").getFirst().path("content").asText())
        .startsWith("Denied: nobody is here to be asked.");
    assertThat(outcome.exitCode()).isZero();
  }

  @Test
  void onATerminalThePersonIsAskedAtOnce() throws Exception {
    Path rules = folder.resolve("rules.json");
    Files.writeString(rules, "{\"otherwise\": \"ask\"}");
    endpoint.calls("call_1", "calculator", CALL);
    endpoint.answers("It is 42.");

    Outcome outcome =
        Outcome.onTerminal(
            "y\n", "run", "-m", endpoint.model(), "--approve", rules.toString(), "6 * 7?");

    assertThat(outcome.err()).contains("? May calculator run with", "[y/N]");
    assertThat(outcome.out()).contains("← 42");
    assertThat(outcome.exitCode()).isZero();
  }

  @Test
  void whatIsTypedAheadAnswersTheNextQuestion() throws Exception {
    Path rules = folder.resolve("rules.json");
    Files.writeString(rules, "{\"otherwise\": \"ask\"}");
    endpoint.calls("call_1", "calculator", CALL);
    endpoint.calls("call_2", "calculator", "{\"expression\": \"1 + 1\"}");
    endpoint.answers("42 and 2.");

    Outcome outcome =
        Outcome.onTerminal(
            "y\nyes\n", "run", "-m", endpoint.model(), "--approve", rules.toString(), "Both?");

    assertThat(outcome.out()).contains("← 42", "← 2");
  }

  @Test
  void anAnsweredSessionTellsItsAnswerAgainWithoutAskingTheModel() {
    endpoint.answers("Hello.");
    run("--session", session().toString(), "Greet");

    Outcome outcome = run("--resume", session().toString());

    assertThat(outcome.exitCode()).isZero();
    assertThat(outcome.result().path("text").asText()).isEqualTo("Hello.");
    assertThat(outcome.result().path("stop_reason").asText()).isEqualTo("answer");
    assertThat(outcome.lines("notice").getFirst().path("text").asText()).contains("told again");
    assertThat(endpoint.requests()).hasSize(1);
    assertThat(run("--resume", session().toString(), "--answer", "allow").err())
        .contains("no question waits");
  }

  @Test
  void whereverTheJournalEndsTheRunGoesOnToItsAnswer() throws Exception {
    endpoint.calls("call_1", "calculator", CALL).answers("It is 42.");
    run("--session", session().toString(), "What is 6 * 7?");
    List<String> lines = Files.readAllLines(session());

    int said =
        IntStream.range(0, lines.size())
            .filter(i -> lines.get(i).contains("USER"))
            .min()
            .orElseThrow();
    for (int kept = said + 1; kept <= lines.size(); kept++) {
      Path file = folder.resolve("killed-" + kept + ".jsonl");
      Files.writeString(file, String.join("\n", lines.subList(0, kept)) + "\n{\"type\":\"mess");
      try (var again = new ScriptedEndpoint()) {
        boolean hasCalled = kept > said + 1;
        if (!hasCalled) {
          again.calls("call_1", "calculator", CALL);
        }
        again.answers("It is 42.");
        Outcome outcome =
            Outcome.of("run", "--json", "-m", again.model(), "--resume", file.toString());
        assertThat(outcome.result().path("text").asText())
            .as("%d lines", kept)
            .isEqualTo("It is 42.");
        assertThat(outcome.exitCode()).as("%d lines", kept).isZero();
      }
    }
  }

  @Test
  void whatIsNoSessionOrNoRulesIsOneClearLine() throws Exception {
    Path notes = Files.writeString(folder.resolve("notes.md"), "# Notes\n");
    assertThat(run("--session", notes.toString(), "x").hasOneClearLine().err())
        .contains("not a session");
    assertThat(run("--resume", folder.resolve("none").toString()).hasOneClearLine().err())
        .contains("no such file");
    assertThat(run("--approve", notes.toString(), "x").hasOneClearLine().err())
        .contains("notes.md: approval rules: not JSON");
    Path cut = Files.writeString(folder.resolve("cut.json"), "{\"ask\": [\"x\"");
    assertThat(run("--approve", cut.toString(), "x").hasOneClearLine().err())
        .contains("cut.json: approval rules: not JSON")
        .contains("(line 1, column 13)")
        .doesNotContain("Source");
    Path bytes = Files.write(folder.resolve("bytes"), new byte[] {'{', (byte) 0xff});
    assertThat(run("--approve", bytes.toString(), "x").hasOneClearLine().err())
        .contains("bytes: approval rules: not JSON");
    assertThat(run("--approve", folder.toString(), "x").hasOneClearLine().err())
        .contains(folder + ": a directory, expected a file with approval rules");
    assertThat(run("--session", notes + "/s.jsonl", "x").hasOneClearLine().err())
        .contains("notes.md: a file, expected the folder of a session");
    assertThat(notes).hasContent("# Notes\n");
    for (String[] wrong :
        new String[][] {
          {"--answer", "allow", "x"},
          {"--session", "a", "--resume", "b", "x"},
          {"--resume", "a", "--answer", "perhaps"},
        }) {
      assertThat(run(wrong).exitCode()).isEqualTo(2);
    }
  }

  @Test
  void aSessionIsShownForkedRewoundAndExported() {
    endpoint.calls("call_1", "calculator", CALL);
    endpoint.answers("It is 42.");
    run("--session", session().toString(), "What is 6 * 7?");
    String file = session().toString();
    String fork = folder.resolve("fork.jsonl").toString();

    assertThat(Outcome.of("session", "show", file).out())
        .isEqualTo(
            """
               1  user: What is 6 * 7?
               2  assistant: → calculator {"expression": "6 * 7"}
               3  calculator: 42
               4  assistant: It is 42.
            """);
    assertThat(Outcome.of("session", "fork", file, fork, "--messages", "1").exitCode()).isZero();
    assertThat(Outcome.of("session", "show", fork).out()).hasLineCount(1);
    assertThat(Outcome.of("session", "fork", file, fork).hasOneClearLine().exitCode()).isEqualTo(1);
    assertThat(Outcome.of("session", "rewind", file, "2").hasOneClearLine().err())
        .contains("calls without results");
    assertThat(Outcome.of("session", "export", file).out())
        .contains("## User\n\nWhat is 6 * 7?", "Result of `calculator`", "It is 42.");
    assertThat(Outcome.of("session", "export", "--format", "openai", file).out())
        .contains("\"role\" : \"system\"", "\"tool_call_id\" : \"call_1\"");
    assertThat(Outcome.of("session", "rewind", file, "1").exitCode()).isZero();
    assertThat(Outcome.of("session", "show", file).out()).hasLineCount(1);
  }

  @Test
  void forkAndRewindTakeTheNumberOfMessagesInEitherForm() {
    endpoint.answers("It is 42.");
    run("--session", session().toString(), "What is 6 * 7?");
    String file = session().toString();
    String[][] forks = {{"fork", file, "NEW", "1"}, {"fork", file, "NEW", "--messages", "1"}};
    for (int i = 0; i < forks.length; i++) {
      String fork = folder.resolve("fork" + i).toString();
      forks[i][2] = fork;
      assertThat(session(forks[i]).exitCode()).isZero();
      assertThat(session("show", fork).out()).hasLineCount(1);
      String[] rewind =
          i == 0
              ? new String[] {"rewind", fork, "0"}
              : new String[] {"rewind", fork, "--messages=0"};
      assertThat(session(rewind).exitCode()).isZero();
      assertThat(session("show", fork).out()).isEmpty();
    }
    Path never = folder.resolve("never");
    for (String n : new String[] {"3", "-1"}) {
      for (String[] wrong :
          new String[][] {
            {"fork", file, never.toString(), n},
            {"fork", file, never.toString(), "--messages", n},
            {"rewind", file, n},
            {"rewind", file, "--messages", n}
          }) {
        Outcome outcome = session(wrong).hasOneClearLine();
        assertThat(outcome.exitCode()).isEqualTo(1);
        assertThat(outcome.err())
            .contains("The session has 2 messages: expected a number from 0 to 2, but found " + n);
      }
    }
    assertThat(never).doesNotExist();
    assertThat(session("show", file).out()).hasLineCount(2);
    assertThat(session("rewind", file, "1", "--messages", "1").hasOneClearLine().exitCode())
        .isEqualTo(2);
    Outcome without = session("rewind", file).hasOneClearLine();
    assertThat(without.exitCode()).isEqualTo(2);
    assertThat(without.err()).contains("expected how many messages to keep, as N or --messages N");
  }

  private static Outcome session(String... arguments) {
    var all = new ArrayList<>(List.of("session"));
    all.addAll(List.of(arguments));
    return Outcome.of(all.toArray(String[]::new));
  }

  @Test
  void aRunThatWasKilledGoesOnWhereItStopped() throws Exception {
    endpoint.calls("call_1", "calculator", CALL);
    try (ScriptedEndpoint hanging = new ScriptedEndpoint().hangs();
        ChildProcess child =
            ChildProcess.qwen4j(
                Map.of(),
                "run",
                "--json",
                "-m",
                hanging.model(),
                "--session",
                session().toString(),
                "What is 6 * 7?")) {
      child.awaitLine("turn_started");
      child.signal("KILL");
      assertThat(child.exitCode()).isEqualTo(137);
    }
    endpoint.answers("It is 42.");

    Outcome outcome = run("--resume", session().toString());

    assertThat(outcome.result().path("text").asText()).isEqualTo("It is 42.");
    assertThat(endpoint.requests().getFirst().getBodyAsString()).contains("What is 6 * 7?");
  }

  @Test
  void theWholeTranscriptIsPlainText() {
    endpoint.calls("call_1", "calculator", CALL).answers("It is\n42.");
    run("--session", session().toString(), "What is 6 * 7?");

    assertThat(Outcome.of("session", "show", "--whole", session().toString()).out())
        .contains("   1  user: What is 6 * 7?\n")
        .contains("   2  assistant: → calculator " + CALL + "\n")
        .contains("   4  assistant: It is\n      42.\n");
  }

  @Test
  void aReplayRunsTodaysAgentOnWhatTheSessionHolds() throws IOException {
    endpoint.calls("call_1", "calculator", CALL).answers("It is 42.");
    run("--session", session().toString(), "What is 6 * 7?");
    int asked = endpoint.requests().size();

    Outcome same = Outcome.of("session", "replay", session().toString());
    assertThat(same.out()).isEqualTo("1 runs, 3 messages the same\n");
    assertThat(same.exitCode()).isZero();
    assertThat(endpoint.requests()).hasSize(asked);

    String journal = Files.readString(session());
    Files.writeString(session(), journal.replace("\"calculator\"", "\"abacus\""));
    Outcome different = Outcome.of("session", "replay", session().toString());
    assertThat(different.exitCode()).isEqualTo(1);
    assertThat(different.out())
        .startsWith("different: run 1, message 2\n  journal: result of abacus: ")
        .contains("There is no tool 'abacus'.");
  }
}
