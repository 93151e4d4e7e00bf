package dev.qwen4j.agent;

import dev.langchain4j.data.message.ChatMessage;
import dev.qwen4j.session.Question;
import dev.qwen4j.session.Session;
import dev.qwen4j.tool.Cancellation;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.Semaphore;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * What the runs of several agents share that work on one thing together: one stream of events, one
 * budget, one session, one way to stop. Teams are written with it; see {@code dev.qwen4j.team}.
 *
 * <p>Kept in a session, each run within has a part of its own there. When the work is gone on with,
 * the same steps are taken again: a part that has come to its end is not run but recalled, one that
 * was interrupted goes on, and the others begin.
 */
public final class RunScope {
  /** Of the time that an agent has as a tool, this part is enough to end in good order. */
  private static final double SHARE = 0.95;

  /**
   * Where what happens is kept.
   *
   * @param path of the calls in it, as questions name them: empty or ending with a slash
   * @param answers to questions in it
   * @param gate of the run around, if there is one
   */
  private record Place(
      @Nullable Session session, String path, List<Answer> answers, @Nullable Gate gate) {
    Place within(Gate inner) {
      return new Place(session, path, answers, inner);
    }

    Place part(String name) {
      var own = new ArrayList<Answer>();
      for (Answer answer : answers) {
        Question asked = answer.question();
        if (asked.call().startsWith(name + "/")) {
          String call = asked.call().substring(name.length() + 1);
          own.add(
              new Answer(
                  new Question(call, asked.tool(), asked.arguments(), asked.text()),
                  answer.decision()));
        }
      }
      Session there = session == null ? null : session.part(name);
      return new Place(there, path + name + "/", own, gate);
    }
  }

  /**
   * Who hears what happens.
   *
   * @param listener all of them
   * @param twin which one of several this is that do the same at the same time, counted from 1
   * @param hooks those whose listeners hear it already
   * @param each the caller's listener and those of the hooks
   */
  private record Ears(
      AgentListener listener, int twin, List<Hook> hooks, List<AgentListener> each) {
    Ears(AgentListener listener) {
      this(listener, 1, List.of(), List.of(listener));
    }

    Ears of(AgentListener other, int ofWhich) {
      return new Ears(other, ofWhich, hooks, each);
    }

    /** Those of another agent's hooks hear it first. */
    Ears with(Hooks more) {
      List<AgentListener> own = more.listeners(hooks, each);
      return new Ears(together(own, listener), 1, joined(hooks, more.all()), joined(each, own));
    }

    private static AgentListener together(List<AgentListener> first, AgentListener last) {
      return first.isEmpty()
          ? last
          : event -> {
            first.forEach(each -> each.onEvent(event));
            last.onEvent(event);
          };
    }

    private static <T> List<T> joined(List<T> some, List<T> more) {
      if (more.isEmpty()) {
        return some;
      }
      var all = new ArrayList<>(some);
      all.addAll(more);
      return all;
    }
  }

  private final String path;
  private final Ears ears;
  private final Cancellation cancellation;
  private final @Nullable Budget budget;
  private final Deadline end;
  private final Place place;

  private RunScope(
      String path,
      Ears ears,
      Cancellation cancellation,
      @Nullable Budget budget,
      Deadline end,
      Place place) {
    this.path = path;
    this.ears = ears;
    this.cancellation = cancellation;
    this.budget = budget;
    this.end = end;
    this.place = place;
  }

  /**
   * For work that begins, or that a session goes on with.
   *
   * @param name how events name the whole; those of an agent in it are named {@code name/agent}
   * @param limits for everything together, except turns, which are each agent's own
   * @param session keeps it, or null
   * @param answers to the session's questions
   */
  public static RunScope of(
      String name,
      Limits limits,
      AgentListener listener,
      Cancellation cancellation,
      @Nullable Session session,
      List<Answer> answers) {
    return new RunScope(
        name,
        new Ears(listener),
        cancellation,
        new Budget(limits, null),
        Deadline.in(limits.maxTime()),
        new Place(session, "", answers, null));
  }

  /** For a run that is a part of nothing. */
  static RunScope alone(
      AgentListener listener,
      Cancellation cancellation,
      @Nullable Session session,
      List<Answer> answers) {
    return new RunScope(
        "",
        new Ears(listener),
        cancellation,
        null,
        Deadline.in(Limits.LONGEST),
        new Place(session, "", answers, null));
  }

  /** Of one run of an agent within this. */
  RunScope forRun(Agent agent, Cancellation own) {
    Deadline its = Deadline.in(agent.limits().maxTime()).earlier(end);
    boolean canAsk = path.isEmpty() || place.session() != null;
    String name = ears.twin() == 1 ? agent.name() : agent.name() + "#" + ears.twin();
    return new RunScope(
        path.isEmpty() ? name : path + "/" + name,
        ears.with(agent.hooks()),
        own,
        new Budget(agent.limits(), budget),
        its,
        place.within(Gate.of(agent.approval(), place.gate(), canAsk)));
  }

  /**
   * Of an agent that answers a call of this run.
   *
   * @param twin which one it is of the runs of this agent at the same time, counted from 1
   */
  RunScope forCall(
      String call, Cancellation own, AgentListener events, Deadline deadline, int twin) {
    Duration time = Duration.ofNanos((long) (deadline.remainingNanos() * SHARE));
    return new RunScope(
        path, ears.of(events, twin), own, budget, Deadline.in(time), place.part(call));
  }

  /**
   * Runs an agent as a part of this. If the session has this part, goes on with it instead, or only
   * says how it ended.
   *
   * @param part its name in the session, another one for each run
   * @param conversation what the agent is told, without a system message
   */
  public RunResult run(Agent agent, String part, List<ChatMessage> conversation) {
    var there = new RunScope(path, ears, cancellation, budget, end, place.part(part));
    return agent.run(conversation, there);
  }

  /**
   * Does several things at the same time, and tells what happens on this thread. The runs of one
   * agent among them are told apart by their paths: {@code helper}, {@code helper#2} and so on.
   *
   * @param atOnce how many at most; the others wait
   * @param work each does its part within the scope that it is given
   * @return what they return, in order; nothing from those that failed or were stopped
   */
  public <T> List<Optional<T>> inParallel(int atOnce, List<Function<RunScope, T>> work) {
    var places = new Semaphore(atOnce);
    var attempts = new ArrayList<Attempt<T>>();
    try (var inbox = new Inbox(ears.listener())) {
      for (int i = 0; i < work.size(); i++) {
        Function<RunScope, T> each = work.get(i);
        Ears its = ears.of(inbox::add, i + 1);
        attempts.add(
            new Attempt<>(
                "qwen4j-part",
                cancellation,
                own -> {
                  places.acquire();
                  try {
                    return each.apply(new RunScope(path, its, own, budget, end, place));
                  } finally {
                    places.release();
                  }
                },
                inbox::wake));
      }
      var results = new ArrayList<Optional<T>>();
      for (Attempt<T> attempt : attempts) {
        results.add(
            switch (inbox.await(attempt, end)) {
              case Attempt.Outcome.Done<T>(T value) -> Optional.of(value);
              case Attempt.Outcome.Failed<T>(Throwable cause) -> {
                tell(new AgentEvent.Notice(path, "A part failed: " + cause));
                yield Optional.empty();
              }
              case Attempt.Outcome.TimedOut<T>() -> Optional.empty();
              case Attempt.Outcome.Cancelled<T>() -> Optional.empty();
            });
      }
      return results;
    } finally {
      attempts.forEach(Attempt::stop);
    }
  }

  /**
   * Waits for what this knows nothing of, such as a person or a search, on a thread of its own: it
   * is interrupted and left behind when this is cancelled or out of time.
   *
   * @return what it returns, or nothing if it was given up: {@link #over} says why
   * @throws Exception what it throws
   */
  public <T> Optional<T> await(Callable<T> work) throws Exception {
    var own = new Cancellation(); // An interruption ends the wait, and cancels nobody else's token.
    var link = cancellation.onCancel(own::cancel);
    try (link) {
      return switch (new Attempt<>("qwen4j-wait", own, unused -> work.call()).await(end)) {
        case Attempt.Outcome.Done<T>(T value) -> Optional.of(value);
        case Attempt.Outcome.Failed<T>(Exception cause) -> throw cause;
        case Attempt.Outcome.Failed<T>(Throwable cause) ->
            throw new IllegalStateException(cause.toString(), cause);
        case Attempt.Outcome.TimedOut<T>() -> Optional.empty();
        case Attempt.Outcome.Cancelled<T>() -> Optional.empty();
      };
    }
  }

  public void tell(AgentEvent event) {
    ears.listener().onEvent(event);
  }

  /** How events name this. */
  public String path() {
    return path;
  }

  /** What everything in it has used up so far, as far as this process knows. */
  public Spent spent() {
    return budget().spent();
  }

  /** Why nothing more should begin, if that is so. */
  public Optional<StopReason> over() {
    if (cancellation.isCancelled() || Thread.currentThread().isInterrupted()) {
      return Optional.of(StopReason.CANCELLED);
    }
    return end.isPast()
        ? Optional.of(StopReason.MAX_TIME)
        : Optional.ofNullable(budget().reached());
  }

  Cancellation cancellation() {
    return cancellation;
  }

  Budget budget() {
    if (budget == null) {
      throw new IllegalStateException("only what is in a run, or in a team's, spends");
    }
    return budget;
  }

  /** How much time there is. */
  Duration time() {
    return Duration.ofNanos(Math.max(1, end.remainingNanos()));
  }

  Gate gate() {
    if (place.gate() == null) {
      throw new IllegalStateException("only a run has calls to decide");
    }
    return place.gate();
  }

  @Nullable Session session() {
    return place.session();
  }

  List<Answer> answers() {
    return place.answers();
  }

  /** As whoever answers must name it. */
  Question outside(Question question) {
    return new Question(
        place.path() + question.call(), question.tool(), question.arguments(), question.text());
  }

  /** Whether an agent that answers this call has begun to. */
  boolean hasBegun(String call) {
    return place.session() != null && !place.session().part(call).messages().isEmpty();
  }
}
