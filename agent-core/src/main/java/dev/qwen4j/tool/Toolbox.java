package dev.qwen4j.tool;

import java.util.List;

/** A set of tools that belong together: a server's, a workspace's, an object's. */
public interface Toolbox {
  List<Tool> tools();
}
