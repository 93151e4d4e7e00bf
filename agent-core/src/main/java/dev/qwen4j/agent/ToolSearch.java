package dev.qwen4j.agent;

import dev.qwen4j.tool.Tool;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * From how many tools on an agent hides some of them from its model.
 *
 * @param mostDeclared so many may be declared, all of them
 * @param declared the names of those that are declared in any case
 */
record ToolSearch(int mostDeclared, Set<String> declared) {
  static final ToolSearch NONE = new ToolSearch(Integer.MAX_VALUE, Set.of());

  ToolSearch {
    if (mostDeclared < 0) {
      throw new IllegalArgumentException("mostDeclared must be 0 or more, but was " + mostDeclared);
    }
  }

  /**
   * What is hidden of an agent's tools. Those that end a run never are: nobody would look for them.
   *
   * @param needed names of tools that the agent itself speaks of
   * @throws IllegalArgumentException if one that is declared in any case is none of the tools
   */
  HiddenTools in(List<Tool> tools, Set<String> needed) {
    Set<String> names = tools.stream().map(Tool::name).collect(Collectors.toSet());
    for (String name : declared) {
      if (!names.contains(name)) {
        throw new IllegalArgumentException(
            "The tool search is to declare '"
                + name
                + "', but the agent has no such tool."
                + NearestName.of(name, names)
                    .map(near -> " Did you mean '" + near + "'?")
                    .orElse(""));
      }
    }
    return HiddenTools.of(
        tools,
        mostDeclared,
        tool -> declared.contains(tool.name()) || needed.contains(tool.name()) || tool.endsRun());
  }
}
