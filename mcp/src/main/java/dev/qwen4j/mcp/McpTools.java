package dev.qwen4j.mcp;

import dev.qwen4j.tool.Tool;
import dev.qwen4j.tool.Toolbox;
import io.modelcontextprotocol.spec.McpSchema;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * The tools of an MCP server that runs as a child process, for the time between {@link #stdio} and
 * {@link #close}.
 *
 * <pre>{@code
 * try (McpTools files = McpTools.stdio("npx", "-y", "@modelcontextprotocol/server-filesystem", ".")) {
 *   Agent agent = Agent.builder().model(model).tools(files).build();
 * }
 * }</pre>
 *
 * <p>The list of tools is the one the server gives at the start. The server sees a few variables of
 * this environment (PATH, HOME and the like) and those it is given, no keys. Its tools count as
 * changing state unless {@link Builder#trustReadOnlyHints} says to believe it. A server that dies
 * makes every later call an error result that says so. Safe to use from several threads.
 */
public final class McpTools implements Toolbox, AutoCloseable {
  private final ServerConnection connection;
  private final List<Tool> tools;

  private McpTools(Builder builder) {
    var server = new ServerProcess(builder.command, builder.environment, builder.directory);
    connection = new ServerConnection(server, builder.startTimeout);
    try {
      tools = adapt(connection.tools(builder.startTimeout), builder);
    } catch (RuntimeException | Error e) {
      connection.close();
      throw e;
    }
  }

  /**
   * Starts a server and lists its tools.
   *
   * @throws McpServerException if it does not start, with its last words
   */
  public static McpTools stdio(String command, String... arguments) {
    return builder(command, arguments).start();
  }

  /** Prepares a server with options. */
  public static Builder builder(String command, String... arguments) {
    List<String> whole = new ArrayList<>();
    whole.add(command);
    whole.addAll(List.of(arguments));
    return new Builder(whole);
  }

  @Override
  public List<Tool> tools() {
    return tools;
  }

  /** Ends the server: asks, then signals, then kills; about two seconds at most. */
  @Override
  public void close() {
    connection.close();
  }

  private List<Tool> adapt(List<McpSchema.Tool> listed, Builder builder) {
    Set<String> unknown = new LinkedHashSet<>(builder.only);
    List<Tool> adapted = new ArrayList<>();
    Set<String> names = new HashSet<>();
    for (McpSchema.Tool tool : listed) {
      unknown.remove(tool.name());
      if (builder.only.isEmpty() || builder.only.contains(tool.name())) {
        String name = unique(builder.namePrefix + tool.name(), names);
        boolean readOnly =
            builder.trustReadOnlyHints
                && tool.annotations() != null
                && Boolean.TRUE.equals(tool.annotations().readOnlyHint());
        adapted.add(
            new McpTool(
                connection,
                tool.name(),
                ToolSchemas.specification(name, tool),
                !readOnly,
                new McpTool.CallLimits(builder.timeout, builder.maxResultCharacters)));
      }
    }
    if (!unknown.isEmpty()) {
      throw new IllegalArgumentException(
          "The MCP server '"
              + String.join(" ", builder.command)
              + "' has no tool "
              + String.join(", ", unknown)
              + "; it has "
              + listed.stream().map(McpSchema.Tool::name).toList());
    }
    return List.copyOf(adapted);
  }

  /** Endpoints accept names of at most 64 letters, digits, hyphens and underscores. */
  private static String unique(String wanted, Set<String> taken) {
    String plain = wanted.replaceAll("[^A-Za-z0-9_-]", "_");
    String name = plain.substring(0, Math.min(plain.length(), 64));
    for (int i = 2; !taken.add(name); i++) {
      String suffix = "_" + i;
      name = plain.substring(0, Math.min(plain.length(), 64 - suffix.length())) + suffix;
    }
    return name;
  }

  /** How to start a server; see {@link McpTools}. */
  public static final class Builder {
    private final List<String> command;
    private final Map<String, String> environment = new HashMap<>();
    private final Set<String> only = new LinkedHashSet<>();
    private Optional<Path> directory = Optional.empty();
    private Duration startTimeout = Duration.ofSeconds(60);
    private Duration timeout = Duration.ofSeconds(60);
    private String namePrefix = "";
    private int maxResultCharacters = 20_000;
    private boolean trustReadOnlyHints;

    private Builder(List<String> command) {
      this.command = command;
    }

    /** Gives the server a variable of its environment, for example its key. */
    public Builder environment(String name, String value) {
      environment.put(name, value);
      return this;
    }

    /** Where the server runs; by default where this process does. */
    public Builder directory(Path directory) {
      this.directory = Optional.of(directory);
      return this;
    }

    /** How long the server may take to start, downloads included. */
    public Builder startTimeout(Duration startTimeout) {
      this.startTimeout = positive(startTimeout);
      return this;
    }

    /** How long one call may take. */
    public Builder timeout(Duration timeout) {
      this.timeout = positive(timeout);
      return this;
    }

    /** Goes before every name, so that two servers may have tools of the same name. */
    public Builder namePrefix(String namePrefix) {
      this.namePrefix = namePrefix;
      return this;
    }

    /** Offers only these tools, by the server's names; others are as if they did not exist. */
    public Builder only(String... names) {
      only.addAll(List.of(names));
      return this;
    }

    /** How much of an answer the model is shown. */
    public Builder maxResultCharacters(int maxResultCharacters) {
      if (maxResultCharacters < 1) {
        throw new IllegalArgumentException(
            "maxResultCharacters must be positive, but was " + maxResultCharacters);
      }
      this.maxResultCharacters = maxResultCharacters;
      return this;
    }

    /** Believes a server that says a tool only reads. Do so only with servers you trust. */
    public Builder trustReadOnlyHints() {
      this.trustReadOnlyHints = true;
      return this;
    }

    /**
     * Starts the server and lists its tools.
     *
     * @throws McpServerException if it does not start, with its last words
     */
    public McpTools start() {
      return new McpTools(this);
    }

    private static Duration positive(Duration duration) {
      if (duration.isNegative() || duration.isZero()) {
        throw new IllegalArgumentException("A timeout must be positive, but was " + duration);
      }
      return duration;
    }
  }
}
