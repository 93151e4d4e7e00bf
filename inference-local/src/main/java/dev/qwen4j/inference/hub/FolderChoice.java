package dev.qwen4j.inference.hub;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Set;

/**
 * Chooses among a repository's paths what makes a HuggingFace folder that the engine runs: its
 * configurations, its tokenizer and chat template, and all its weights in safetensors form.
 */
final class FolderChoice {
  /** Comes last, so that a folder that has it is whole. */
  static final String CONFIG = "config.json";

  private static final Set<String> TEXTS =
      Set.of(
          "1_Pooling/config.json",
          "chat_template.jinja",
          "chat_template.json",
          "generation_config.json",
          "model.safetensors.index.json",
          "tokenizer.json",
          "tokenizer_config.json");

  /** What the tokenizer is in where there is no tokenizer.json. */
  private static final Set<String> OLDER_TOKENIZER =
      Set.of("added_tokens.json", "merges.txt", "vocab.json");

  private FolderChoice() {}

  /** The files in the order in which to bring them; none where the repository is no such folder. */
  static List<String> files(Collection<String> paths) {
    List<String> weights = paths.stream().filter(FolderChoice::isWeights).sorted().toList();
    if (weights.isEmpty() || !paths.contains(CONFIG)) {
      return List.of();
    }
    boolean older = !paths.contains("tokenizer.json");
    List<String> files =
        new ArrayList<>(
            paths.stream()
                .filter(path -> TEXTS.contains(path) || (older && OLDER_TOKENIZER.contains(path)))
                .sorted()
                .toList());
    files.addAll(weights);
    files.add(CONFIG);
    return files;
  }

  private static boolean isWeights(String path) {
    return path.startsWith("model") && path.endsWith(".safetensors") && !path.contains("/");
  }
}
