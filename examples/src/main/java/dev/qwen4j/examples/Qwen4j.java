package dev.qwen4j.examples;

import java.io.PrintStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.IExecutionExceptionHandler;
import picocli.CommandLine.IParameterExceptionHandler;
import picocli.CommandLine.Model.CommandSpec;

/**
 * The {@code qwen4j} command. Each subcommand is a class of its own; this one puts them together
 * and sees to it that whatever goes wrong ends as one line and a documented exit code.
 */
@Command(
    name = "qwen4j",
    description = "Agents on Qwen in plain Java: the loop, the tools, and the model in this JVM.",
    synopsisSubcommandLabel = "COMMAND",
    footer = {
      "",
      "Examples:",
      "  qwen4j demo",
      "  qwen4j run --model Qwen3-4B-Q4_K_M.gguf \"Which of these files is the largest?\"",
      "  qwen4j chat --model hf:Qwen/Qwen3-4B-GGUF",
      "",
      "'qwen4j COMMAND --help' explains a command. With QWEN4J_DEBUG=1, errors come with their",
      "stack traces."
    })
public final class Qwen4j {
  private static final String VERSION = "qwen4j 0.1.0";

  private Qwen4j() {}

  /** Runs the command and ends the process with its exit code. */
  public static void main(String[] args) {
    QuietLogs.use();
    Surroundings surroundings = Surroundings.ofProcess();
    int code = run(surroundings, args);
    surroundings.out().flush();
    surroundings.err().flush();
    System.exit(code);
  }

  /** Runs the command in the given surroundings and returns its exit code. */
  static int run(Surroundings surroundings, String... args) {
    CommandLine root = new CommandLine(new Qwen4j());
    Map<String, Supplier<Object>> commands = commands(surroundings);
    if (args.length > 0 && commands.containsKey(args[0])) {
      commands.keySet().retainAll(Set.of(args[0]));
    }
    commands.forEach((name, command) -> root.addSubcommand(name, command.get()));
    configure(root, surroundings);
    if (args.length == 0) {
      root.usage(root.getErr());
      return ExitCode.USAGE.code();
    }
    return root.execute(args);
  }

  /** Made when they are needed: describing all of them to picocli takes a tenth of a second. */
  private static Map<String, Supplier<Object>> commands(Surroundings surroundings) {
    Map<String, Supplier<Object>> commands = new LinkedHashMap<>();
    commands.put("demo", () -> new DemoCommand(surroundings));
    commands.put("run", () -> new RunCommand(surroundings));
    commands.put("chat", () -> new ChatCommand(surroundings));
    commands.put("pull", () -> new PullCommand(surroundings));
    commands.put("models", () -> new ModelsCommand(surroundings));
    commands.put("inspect", () -> new InspectCommand(surroundings));
    commands.put("session", () -> SessionCommand.with(surroundings));
    commands.put("bench", () -> new BenchCommand(surroundings));
    commands.put("debug", () -> DebugCommand.with(surroundings));
    return commands;
  }

  private static void configure(CommandLine root, Surroundings surroundings) {
    root.setExpandAtFiles(false);
    root.setCaseInsensitiveEnumValuesAllowed(true);
    root.setOut(writer(surroundings.out()));
    root.setErr(writer(surroundings.err()));
    root.setUsageHelpWidth(100);
    root.setColorScheme(
        CommandLine.Help.defaultColorScheme(
            surroundings.hasColour("out") ? CommandLine.Help.Ansi.ON : CommandLine.Help.Ansi.OFF));
    root.setParameterExceptionHandler(wrongUsage(surroundings));
    root.setExecutionExceptionHandler(failure(surroundings));
    complete(root);
  }

  private static PrintWriter writer(PrintStream stream) {
    return new PrintWriter(stream, true, StandardCharsets.UTF_8);
  }

  private static void complete(CommandLine command) {
    CommandSpec spec = command.getCommandSpec();
    spec.mixinStandardHelpOptions(true);
    spec.version(VERSION);
    spec.exitCodeOnInvalidInput(ExitCode.USAGE.code());
    spec.exitCodeOnExecutionException(ExitCode.FAILED.code());
    spec.usageMessage().exitCodeListHeading("%nExit codes:%n").exitCodeList(ExitCode.table());
    command.getSubcommands().values().forEach(Qwen4j::complete);
  }

  /** Says what was wrong and where to read more; {@code run --json} still gets its last line. */
  private static IParameterExceptionHandler wrongUsage(Surroundings surroundings) {
    return (problem, args) -> {
      CommandLine command = problem.getCommandLine();
      surroundings.complain(
          problem.getMessage()
              + " (see '"
              + command.getCommandSpec().qualifiedName()
              + " --help')");
      if (command.getCommand() instanceof RunCommand run && List.of(args).contains("--json")) {
        run.printUsageError(problem);
      }
      return ExitCode.USAGE.code();
    };
  }

  private static IExecutionExceptionHandler failure(Surroundings surroundings) {
    return (problem, command, parsed) -> {
      surroundings.complain(OneLine.of(problem));
      if (surroundings.debugging()) {
        problem.printStackTrace(surroundings.err());
      }
      return ExitCode.FAILED.code();
    };
  }
}
