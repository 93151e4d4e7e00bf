package dev.qwen4j.testing;

import dev.qwen4j.agent.AgentEvent;
import dev.qwen4j.agent.AgentListener;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.Collectors;

/** Keeps every event of a run, for tests to look at. Safe to use from several threads. */
public final class RecordingListener implements AgentListener {
  private final List<AgentEvent> events = new CopyOnWriteArrayList<>();

  @Override
  public void onEvent(AgentEvent event) {
    events.add(event);
  }

  public List<AgentEvent> events() {
    return List.copyOf(events);
  }

  /** The events of one kind, in order. */
  public <T extends AgentEvent> List<T> events(Class<T> kind) {
    return events.stream().filter(kind::isInstance).map(kind::cast).toList();
  }

  /** All text deltas, put together. */
  public String text() {
    return events(AgentEvent.TextDelta.class).stream()
        .map(AgentEvent.TextDelta::delta)
        .collect(Collectors.joining());
  }

  /** All thinking deltas, put together. */
  public String thinking() {
    return events(AgentEvent.ThinkingDelta.class).stream()
        .map(AgentEvent.ThinkingDelta::delta)
        .collect(Collectors.joining());
  }

  /** The texts of all notices. */
  public List<String> notices() {
    return events(AgentEvent.Notice.class).stream().map(AgentEvent.Notice::text).toList();
  }
}
