package dev.qwen4j.tools;

import static org.assertj.core.api.Assertions.assertThat;

import dev.qwen4j.tool.ToolResult;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.junit.jupiter.api.Test;

class NoteToolsTest {
  private final Map<String, String> notes = new ConcurrentHashMap<>();
  private final NoteTools tools = NoteTools.over(notes);

  @Test
  void whatWasSavedUnderANameIsReadBack() throws Exception {
    assertThat(call("save_note", "{\"key\":\"wifi\",\"text\":\"blue kettle\"}").text())
        .isEqualTo("Saved note 'wifi'.");
    assertThat(call("read_note", "{\"key\":\"wifi\"}").text()).isEqualTo("blue kettle");
    call("save_note", "{\"key\":\"wifi\",\"text\":\"red kettle\"}");
    assertThat(notes).containsExactly(Map.entry("wifi", "red kettle"));
  }

  @Test
  void aNearMissIsAnsweredWithTheNoteMeant() throws Exception {
    notes.put("groceries", "milk");
    ToolResult result = call("read_note", "{\"key\":\"grocries\"}");
    assertThat(result.isError()).isTrue();
    assertThat(result.text()).isEqualTo("There is no note 'grocries'. Did you mean 'groceries'?");
    assertThat(call("read_note", "{\"key\":\"x\"}").text()).isEqualTo("There is no note 'x'.");
  }

  @Test
  void aNoteNeedsAName() throws Exception {
    assertThat(call("save_note", "{\"key\":\" \",\"text\":\"lost\"}").isError()).isTrue();
    assertThat(notes).isEmpty();
  }

  @Test
  void onlySavingChangesAnything() {
    assertThat(tools.tools())
        .extracting(tool -> tool.name() + " " + tool.changesState())
        .containsExactly("save_note true", "read_note false");
  }

  private ToolResult call(String tool, String arguments) throws Exception {
    return Calls.call(tools, tool, arguments);
  }
}
