package dev.qwen4j.tools;

import dev.qwen4j.tool.Tool;
import dev.qwen4j.tool.Toolbox;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** Texts kept under names: {@code save_note}, {@code read_note}. */
public final class NoteTools implements Toolbox {
  private final List<Tool> tools;

  private NoteTools(Map<String, String> notes) {
    tools = List.of(new SaveNote(notes), new ReadNote(notes));
  }

  /** Notes that live as long as the tools. */
  public static NoteTools inMemory() {
    return new NoteTools(new ConcurrentHashMap<>());
  }

  /** Notes that live in {@code notes}, which must be safe to use from several threads. */
  public static NoteTools over(Map<String, String> notes) {
    return new NoteTools(notes);
  }

  @Override
  public List<Tool> tools() {
    return tools;
  }
}
