package dev.qwen4j.inference.internal.weights.huggingface;

import com.fasterxml.jackson.databind.JsonNode;
import dev.qwen4j.inference.BadCheckpointException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** The safetensors files of a folder: one, or the shards that its index names. */
final class TensorFiles {
  private static final String INDEX = "model.safetensors.index.json";
  private static final String SINGLE = "model.safetensors";

  private TensorFiles() {}

  /** The files, of which at least one must be there. */
  static List<Path> of(Path folder) {
    if (Files.isRegularFile(folder.resolve(INDEX))) {
      return shards(JsonFields.read(folder.resolve(INDEX))).stream().map(folder::resolve).toList();
    }
    Path single = folder.resolve(SINGLE);
    if (!Files.isRegularFile(single)) {
      throw new BadCheckpointException(
          "%s: no %s and no %s in this folder; download the whole folder, in safetensors form"
              .formatted(folder, SINGLE, INDEX));
    }
    return List.of(single);
  }

  /**
   * All tensors by name.
   *
   * @param arena ends the mappings
   */
  static Map<String, StoredTensor> read(Path folder, Arena arena) {
    Map<String, StoredTensor> tensors = new LinkedHashMap<>();
    for (Path file : of(folder)) {
      SafetensorsFile.read(file, arena)
          .forEach(
              (name, tensor) -> {
                StoredTensor earlier = tensors.put(name, tensor);
                if (earlier != null) {
                  throw new BadCheckpointException(
                      "%s: tensor %s is also in %s; download the folder again"
                          .formatted(
                              file, SafetensorsFile.shown(name), earlier.file().getFileName()));
                }
              });
    }
    Path index = folder.resolve(INDEX);
    if (Files.isRegularFile(index)) {
      requireAll(JsonFields.read(index), tensors);
    }
    return tensors;
  }

  private static void requireAll(JsonFields index, Map<String, StoredTensor> tensors) {
    for (Map.Entry<String, JsonNode> entry : index.value("weight_map").properties()) {
      StoredTensor tensor = tensors.get(entry.getKey());
      String shard = entry.getValue().asText();
      if (tensor == null || !String.valueOf(tensor.file().getFileName()).equals(shard)) {
        throw new BadCheckpointException(
            "%s: weight_map says that tensor %s is in %s, which does not have it; download %s again"
                .formatted(
                    index.file(),
                    SafetensorsFile.shown(entry.getKey()),
                    SafetensorsFile.shown(shard),
                    SafetensorsFile.shown(shard)));
      }
    }
  }

  private static Set<String> shards(JsonFields index) {
    JsonNode map = index.value("weight_map");
    if (!map.isObject() || map.isEmpty()) {
      throw index.bad("weight_map", "tensors and their files");
    }
    Set<String> shards = new LinkedHashSet<>();
    for (Map.Entry<String, JsonNode> entry : map.properties()) {
      String shard = entry.getValue().asText();
      if (!shard.matches("[A-Za-z0-9][A-Za-z0-9._-]*\\.safetensors")) {
        throw new BadCheckpointException(
            "%s: weight_map names the file %s, expected a safetensors file of this folder"
                .formatted(index.file(), SafetensorsFile.shown(shard)));
      }
      shards.add(shard);
    }
    return shards;
  }

  /** What changes whenever the weights or what describes them does. */
  static List<String> identity(Path folder) throws IOException {
    List<String> identity = new ArrayList<>();
    List<Path> files = new ArrayList<>(of(folder));
    for (String name :
        List.of(
            "config.json",
            "generation_config.json",
            "tokenizer.json",
            "tokenizer_config.json",
            "vocab.json",
            "merges.txt",
            "added_tokens.json",
            "chat_template.jinja",
            "chat_template.json")) {
      if (Files.isRegularFile(folder.resolve(name))) {
        files.add(folder.resolve(name));
      }
    }
    for (Path file : files) {
      identity.add(
          "%s %d %s"
              .formatted(file.getFileName(), Files.size(file), Files.getLastModifiedTime(file)));
    }
    return identity;
  }
}
