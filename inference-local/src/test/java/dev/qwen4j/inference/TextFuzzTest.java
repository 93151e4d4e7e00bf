package dev.qwen4j.inference;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.qwen4j.inference.internal.weights.huggingface.HuggingFaceFolder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The files beside a folder's weights, damaged: as {@link FuzzTest} for those with weights. */
@Timeout(value = 900, unit = TimeUnit.SECONDS)
class TextFuzzTest {
  private static final int MUTATIONS = 300;
  private static final ObjectMapper JSON = new ObjectMapper();

  private final SplittableRandom random = LyingFiles.random();
  private final LyingJson json = new LyingJson(random);
  private final LyingFiles files = new LyingFiles();
  private @TempDir Path folder;

  @Test
  void filesBesideTheWeightsThatLieAreRefusedByName() throws IOException {
    RewrittenFolder golden = RewrittenFolder.of("qwen3");
    golden.text(
        "generation_config.json",
        """
        {"eos_token_id": [1, 2], "pad_token_id": 0, "temperature": 0.6, "top_k": 20, "top_p": 0.95}
        """);
    golden.text("chat_template.json", "{\"chat_template\": \"{{ messages }}\"}");
    golden.text(
        "1_Pooling/config.json", "{\"pooling_mode_lasttoken\": true, \"word\": {\"a\": [1, 2]}}");
    golden.writeShardsTo(folder);
    for (String name :
        List.of(
            "tokenizer.json",
            "tokenizer_config.json",
            "generation_config.json",
            "chat_template.json",
            "1_Pooling/config.json",
            "model.safetensors.index.json")) {
      Path file = folder.resolve(name);
      byte[] original = Files.readAllBytes(file);
      JsonNode root = JSON.readTree(original);
      for (int i = 0; i < MUTATIONS; i++) {
        byte[] lying = i % 3 == 0 ? damaged(original) : JSON.writeValueAsBytes(json.changed(root));
        Files.write(file, lying);
        files.open(
            folder,
            "json|tensor|tokenizer|token|metadata",
            () -> HuggingFaceFolder.open(folder, 1),
            name + ": " + new String(lying, ISO_8859_1));
      }
      Files.write(file, original);
    }
    files.assertAllSound(MUTATIONS);
  }

  /** A byte changed, or the end cut off, or a stretch there twice. */
  private byte[] damaged(byte[] original) {
    int at = random.nextInt(original.length);
    switch (random.nextInt(3)) {
      case 0 -> {
        byte[] changed = original.clone();
        changed[at] = (byte) random.nextInt(256);
        return changed;
      }
      case 1 -> {
        return Arrays.copyOf(original, at);
      }
      default -> {
        int from = random.nextInt(at + 1);
        byte[] longer = Arrays.copyOf(original, at + original.length - from);
        System.arraycopy(original, from, longer, at, original.length - from);
        return longer;
      }
    }
  }
}
