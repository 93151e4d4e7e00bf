package dev.qwen4j.examples;

import dev.qwen4j.agent.Agent;
import dev.qwen4j.agent.AgentEvent;
import dev.qwen4j.agent.AgentListener;
import dev.qwen4j.agent.Answer;
import dev.qwen4j.agent.ContextPolicy;
import dev.qwen4j.agent.Decision;
import dev.qwen4j.agent.RunResult;
import dev.qwen4j.agent.StopReason;
import dev.qwen4j.session.Question;
import dev.qwen4j.session.Session;
import dev.qwen4j.tool.Cancellation;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;
import picocli.CommandLine.Spec.Target;

/** Where a run is kept, and how it goes on. */
final class SessionOptions {
  /** What a person says to a call that waits. */
  enum Verdict {
    ALLOW,
    DENY
  }

  @Spec(Target.MIXEE)
  @SuppressWarnings("NullAway.Init") // picocli sets it before call()
  private CommandSpec command;

  @Option(
      names = "--session",
      paramLabel = "FILE",
      description = "Keep the conversation in FILE while it goes on, and continue the one in it.")
  private @Nullable Path session;

  @Option(
      names = "--resume",
      paramLabel = "FILE",
      description =
          "Go on where the session in FILE stopped, be it suspended, interrupted or killed; with a"
              + " TASK, say that instead.")
  private @Nullable Path resumed;

  @Option(
      names = "--answer",
      paramLabel = "allow|deny",
      description = "With --resume: the answer to the question that suspended the run.")
  private @Nullable Verdict answer;

  /** Checks what belongs together. */
  void check(boolean hasTask) {
    if (session != null && resumed != null) {
      throw wrong("--session and --resume do not go together: --resume FILE keeps on using FILE");
    }
    if (answer != null && resumed == null) {
      throw wrong("--answer needs --resume FILE");
    }
    if (answer != null && hasTask) {
      throw wrong("--answer and a TASK do not go together: resume with one, then the other");
    }
    if (!hasTask && resumed == null) {
      throw wrong("Missing required parameter: 'TASK'");
    }
  }

  /** How the run's context is kept: what is too large for it stays next to the session. */
  ContextPolicy context(ContextPolicy policy) {
    Path kept = resumed == null ? session : resumed;
    return kept == null
        ? policy
        : policy.withResultFolder(kept.resolveSibling(kept.getFileName() + ".results"));
  }

  /** The session, which must be closed, if there is to be one. */
  Optional<Session> open() throws IOException {
    if (resumed != null) {
      return Optional.of(Session.openExisting(resumed));
    }
    return session == null ? Optional.empty() : Optional.of(Session.open(session));
  }

  /** Goes on with what the session holds. */
  RunResult resume(Agent agent, Session kept, AgentListener listener, Cancellation cancellation) {
    List<Question> questions = kept.questions();
    if (answer != null && questions.isEmpty()) {
      throw new IllegalArgumentException("--answer: no question waits in this session");
    }
    Optional<RunResult> over =
        kept.end()
            .filter(end -> !StopReason.of(end.stopReason()).isUnfinished())
            .map(end -> RunResult.recalled(end, kept.messages()));
    if (over.isPresent()) {
      listener.onEvent(
          new AgentEvent.Notice(
              ExampleAgent.NAME,
              "The run in this session had come to its end, which is told again. To go on, say"
                  + " something: run --resume FILE TASK."));
      return over.get();
    }
    Decision decision =
        answer == Verdict.DENY ? new Decision.Deny("the user said no.") : new Decision.Allow();
    List<Answer> answers =
        answer == null
            ? List.of()
            : questions.stream().map(question -> new Answer(question, decision)).toList();
    return agent.resume(kept, answers, listener, cancellation);
  }

  private ParameterException wrong(String message) {
    return new ParameterException(command.commandLine(), message);
  }
}
