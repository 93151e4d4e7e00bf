package dev.qwen4j.tools;

import dev.qwen4j.tool.Tool;
import dev.qwen4j.tool.Toolbox;
import java.time.Clock;
import java.time.ZoneId;
import java.util.List;

/**
 * What language models are bad at and every run may need: {@code calculator}, {@code current_time},
 * {@code convert_units}.
 */
public final class BasicTools implements Toolbox {
  private final List<Tool> tools;

  private BasicTools(Clock clock) {
    tools = List.of(new Calculator(), new CurrentTime(clock), new ConvertUnits());
  }

  /** Sums, units, and the time of this machine. */
  public static BasicTools create() {
    return new BasicTools(Clock.system(ZoneId.systemDefault()));
  }

  /** Sums, units, and the time of {@code clock}, whose zone is the one told by default. */
  public static BasicTools at(Clock clock) {
    return new BasicTools(clock);
  }

  @Override
  public List<Tool> tools() {
    return tools;
  }
}
