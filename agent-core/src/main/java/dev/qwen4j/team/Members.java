package dev.qwen4j.team;

import dev.qwen4j.agent.Agent;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;

/** Agents by their names, in the order in which they were given. */
final class Members {
  private final Map<String, Agent> agents = new LinkedHashMap<>();

  void add(Agent agent) {
    Objects.requireNonNull(agent, "agent");
    if (agents.put(agent.name(), agent) != null) {
      throw new IllegalArgumentException(
          "Two agents are named '" + agent.name() + "': give each one a .name(…) of its own.");
    }
  }

  void addAll(Agent... all) {
    for (Agent agent : all) {
      add(agent);
    }
  }

  Map<String, Agent> asMap() {
    return java.util.Collections.unmodifiableMap(new LinkedHashMap<>(agents));
  }

  /** One line each: the name, and what it is for. */
  static String described(Collection<Agent> agents) {
    return agents.stream()
        .map(
            agent ->
                agent.description().isBlank()
                    ? "- " + agent.name()
                    : "- " + agent.name() + ": " + agent.description())
        .collect(Collectors.joining("\n"));
  }
}
