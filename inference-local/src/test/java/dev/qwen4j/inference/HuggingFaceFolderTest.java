package dev.qwen4j.inference;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.qwen4j.inference.RewrittenFolder.Tensor;
import dev.qwen4j.inference.internal.kernel.KernelChoice;
import dev.qwen4j.inference.internal.kernel.ScalarKernels;
import dev.qwen4j.inference.internal.weights.Checkpoint;
import dev.qwen4j.inference.internal.weights.GgufFile;
import dev.qwen4j.inference.internal.weights.RowSource;
import dev.qwen4j.inference.internal.weights.TensorInfo;
import dev.qwen4j.inference.internal.weights.huggingface.HuggingFaceFolder;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class HuggingFaceFolderTest {
  static final List<String> FOLDERS = Golden.FOLDERS;

  private static final ObjectMapper JSON = new ObjectMapper();

  private @TempDir Path temporary;

  static Stream<String> foldersWithGguf() {
    return FOLDERS.stream().filter(Golden.MODELS::contains);
  }

  @ParameterizedTest
  @FieldSource("FOLDERS")
  void theNumbersAreThoseOfTransformers(String folder) {
    try (EngineProbe probe = EngineProbe.load(Golden.folder(folder), KernelChoice.create(2))) {
      Golden.assertAsExpected(folder, probe);
    }
    try (EngineProbe probe =
        EngineProbe.load(Golden.folder(folder), new ScalarKernels("a test asks"))) {
      Golden.assertAsExpected(folder, probe);
    }
  }

  @ParameterizedTest
  @MethodSource("foldersWithGguf")
  void tensorsAreThoseOfTheGgufFile(String model) {
    try (Checkpoint folder = HuggingFaceFolder.open(Golden.folder(model), 2);
        Checkpoint file = GgufFile.open(Golden.model(model))) {
      assertThat(folder.tensors().stream().map(TensorInfo::name))
          .containsExactlyInAnyOrderElementsOf(
              file.tensors().stream().map(TensorInfo::name).toList());
      for (TensorInfo expected : file.tensors()) {
        TensorInfo found = folder.tensor(expected.name()).orElseThrow();
        assertThat(found.shape()).as(expected.name()).isEqualTo(expected.shape());
        if (expected.name().endsWith("ssm_a")) {
          assertThat(Golden.relativeError(Golden.floats(found), Golden.floats(expected)))
              .isLessThan(1e-6);
        } else {
          assertThat(Golden.floats(found)).as(expected.name()).isEqualTo(Golden.floats(expected));
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("foldersWithGguf")
  void metadataAreThoseOfTheGgufFile(String model) {
    try (Checkpoint folder = HuggingFaceFolder.openText(Golden.folder(model));
        Checkpoint file = GgufFile.open(Golden.model(model))) {
      for (String key : file.metadata().keys()) {
        if (key.startsWith("qwen") && !key.endsWith("s") && !key.endsWith("interval")) {
          assertThat(folder.metadata().number(key)).as(key).isEqualTo(file.metadata().number(key));
        }
      }
      List<String> tokens = file.metadata().strings("tokenizer.ggml.tokens");
      int used = folder.metadata().strings("tokenizer.ggml.tokens").size();
      assertThat(folder.metadata().strings("tokenizer.ggml.tokens"))
          .isEqualTo(tokens.subList(0, used));
      assertThat(tokens.get(used)).startsWith("[PAD");
      assertThat(folder.metadata().strings("tokenizer.ggml.merges"))
          .isEqualTo(file.metadata().strings("tokenizer.ggml.merges"));
      assertThat(folder.metadata().integer("tokenizer.ggml.eos_token_id"))
          .isEqualTo(file.metadata().integer("tokenizer.ggml.eos_token_id"));
    }
  }

  @Test
  void aFolderChatsLikeAFile() {
    try (LocalModel folder = LocalModel.load(Golden.folder("qwen3"));
        LocalModel file = LocalModel.load(Golden.model("qwen3"))) {
      assertThat(folder.contextLength()).isEqualTo(file.contextLength());
      assertThat(folder.name()).isEqualTo("qwen3");
      LocalChatRequestParameters greedy =
          LocalChatRequestParameters.builder().temperature(0.0).maxOutputTokens(8).build();
      assertThat(answer(folder, greedy)).isEqualTo(answer(file, greedy));
    }
  }

  @Test
  void theTokenizerMayBeInTheOlderForm() throws Exception {
    Path folder = RewrittenFolder.of("qwen3").writeTo(temporary);
    JsonNode json = JSON.readTree(folder.resolve("tokenizer.json").toFile());
    Files.delete(folder.resolve("tokenizer.json"));
    JSON.writeValue(folder.resolve("vocab.json").toFile(), json.get("model").get("vocab"));
    StringBuilder merges = new StringBuilder("#version: 0.2\n");
    for (JsonNode merge : json.get("model").get("merges")) {
      merges.append(merge.get(0).textValue()).append(' ').append(merge.get(1).textValue());
      merges.append('\n');
    }
    Files.writeString(folder.resolve("merges.txt"), merges);

    assertThatThrownBy(() -> HuggingFaceFolder.openText(folder))
        .isInstanceOf(BadCheckpointException.class)
        .hasMessageContaining("tokenizer_config.json: has no added_tokens_decoder, and there is no")
        .hasMessageContaining("download the whole folder");

    ObjectNode simple = JSON.createObjectNode();
    ObjectNode config =
        (ObjectNode) JSON.readTree(folder.resolve("tokenizer_config.json").toFile());
    ObjectNode decoder = JSON.createObjectNode();
    for (JsonNode added : json.get("added_tokens")) {
      simple.put(added.get("content").textValue(), added.get("id").intValue());
      decoder.set(added.get("id").asText(), added);
    }
    JSON.writeValue(folder.resolve("added_tokens.json").toFile(), simple);
    assertSameText(folder);

    Files.delete(folder.resolve("added_tokens.json"));
    config.set("added_tokens_decoder", decoder);
    JSON.writeValue(folder.resolve("tokenizer_config.json").toFile(), config);
    assertSameText(folder);
    try (LocalModel model = LocalModel.load(folder)) {
      assertThat(model.contextLength()).isEqualTo(4096);
    }

    Files.writeString(folder.resolve("merges.txt"), merges + "one\n");
    assertThatThrownBy(() -> HuggingFaceFolder.openText(folder))
        .isInstanceOf(BadCheckpointException.class)
        .hasMessageContaining("merges.txt: line ")
        .hasMessageContaining("expected two tokens");
    Files.delete(folder.resolve("merges.txt"));
    assertThatThrownBy(() -> HuggingFaceFolder.openText(folder))
        .isInstanceOf(BadCheckpointException.class)
        .hasMessageContaining("merges.txt")
        .hasMessageContaining("download the whole folder");
    Files.writeString(folder.resolve("vocab.json"), "{\"a\":-1}");
    assertThatThrownBy(() -> HuggingFaceFolder.openText(folder))
        .isInstanceOf(BadCheckpointException.class)
        .hasMessageContaining("vocab.json: field a is -1, expected an id");
  }

  private static void assertSameText(Path folder) {
    try (Checkpoint found = HuggingFaceFolder.openText(folder);
        Checkpoint expected = HuggingFaceFolder.openText(Golden.folder("qwen3"))) {
      for (String key : expected.metadata().keys()) {
        if (key.startsWith("tokenizer.ggml.tok") || key.startsWith("tokenizer.ggml.m")) {
          assertThat(found.metadata().shown(key)).isEqualTo(expected.metadata().shown(key));
        }
      }
      for (String key : List.of("tokenizer.ggml.tokens", "tokenizer.ggml.merges")) {
        assertThat(found.metadata().strings(key)).isEqualTo(expected.metadata().strings(key));
      }
      assertThat(found.metadata().integers("tokenizer.ggml.token_type"))
          .isEqualTo(expected.metadata().integers("tokenizer.ggml.token_type"));
      assertThat(found.metadata().string("tokenizer.ggml.pre"))
          .isEqualTo(expected.metadata().string("tokenizer.ggml.pre"));
    }
  }

  @Test
  void aConversionIsKeptOnlyForThoseWhoAskToKeepIt() {
    try (Checkpoint folder = HuggingFaceFolder.open(Golden.folder("qwen2-awq"), 2)) {
      TensorInfo tensor = folder.tensor("blk.0.attn_q.weight").orElseThrow();
      MemorySegment borrowed;
      byte[] bytes;
      try (Arena loan = Arena.ofShared()) {
        borrowed = folder.borrow(tensor, loan);
        bytes = borrowed.toArray(ValueLayout.JAVA_BYTE);
      }
      assertThat(borrowed.scope().isAlive()).isFalse();
      assertThat(bytes).hasSize((int) tensor.bytes());

      MemorySegment kept = tensor.data();
      assertThat(kept.toArray(ValueLayout.JAVA_BYTE)).isEqualTo(bytes);
      assertThat(tensor.data().address()).isEqualTo(kept.address());
      try (Arena loan = Arena.ofShared()) {
        assertThat(folder.borrow(tensor, loan).address()).isEqualTo(kept.address());
      }
      assertThat(kept.scope().isAlive()).isTrue();
    }
  }

  @Test
  void fewRowsOfATensorAreConvertedWithoutTheOthers() {
    try (Checkpoint folder = HuggingFaceFolder.open(Golden.folder("qwen3-mlx-int4"), 2)) {
      TensorInfo tensor = folder.tensor("token_embd.weight").orElseThrow();
      RowSource rows = folder.rows(tensor);
      byte[] row = new byte[(int) rows.rowBytes()];
      rows.write(7, 1, MemorySegment.ofArray(row), 0);
      assertThat(rows.inPlace()).isEmpty();
      assertThat(
              tensor
                  .data()
                  .asSlice(7 * rows.rowBytes(), row.length)
                  .mismatch(MemorySegment.ofArray(row)))
          .isEqualTo(-1);
    }
  }

  private static String answer(LocalModel model, LocalChatRequestParameters parameters) {
    return model
        .chatModel()
        .chat(
            ChatRequest.builder()
                .messages(UserMessage.from("the agent reads"))
                .parameters(parameters)
                .build())
        .aiMessage()
        .toString();
  }

  @Test
  void configurationsInTheReleasedFormSayTheSame() {
    RewrittenFolder folder = RewrittenFolder.of("qwen3");
    JsonNode rope = folder.config().remove("rope_parameters");
    folder.config().set("rope_theta", rope.get("rope_theta"));
    folder.config().putNull("rope_scaling");
    folder.config().set("torch_dtype", folder.config().remove("dtype"));
    assertAsExpected("qwen3", folder.writeTo(temporary));
  }

  @Test
  void aTextModelMayBePartOfOneThatSees() {
    RewrittenFolder folder = RewrittenFolder.of("qwen35");
    ObjectNode text = folder.config().deepCopy();
    folder.config().removeAll();
    folder.config().put("model_type", "qwen3_5").set("text_config", text);
    folder.config().set("tie_word_embeddings", text.remove("tie_word_embeddings"));
    folder.rename(name -> name.replace("model.", "model.language_model."));
    folder.tensors().put("model.visual.patch_embed.weight", Tensor.floats(new float[4], 2, 2));
    folder.tensors().put("mtp.fc.weight", Tensor.floats(new float[4], 2, 2));
    assertAsExpected("qwen35", folder.writeTo(temporary));
  }

  @Test
  void withoutLayerTypesEveryNthLayerAttends() {
    RewrittenFolder folder = RewrittenFolder.of("qwen3next");
    folder.config().remove("layer_types");
    assertAsExpected("qwen3next", folder.writeTo(temporary));
  }

  @Test
  void expertsOfAllMayBeOneTensor() {
    RewrittenFolder folder = RewrittenFolder.of("qwen35moe");
    for (int layer = 0; layer < 4; layer++) {
      String experts = "model.layers." + layer + ".mlp.experts.";
      float[] both = new float[8 * 160 * 64];
      float[] down = new float[8 * 64 * 80];
      for (int e = 0; e < 8; e++) {
        put(folder.take(experts + e + ".gate_proj.weight"), both, e * 160 * 64);
        put(folder.take(experts + e + ".up_proj.weight"), both, (e * 160 + 80) * 64);
        put(folder.take(experts + e + ".down_proj.weight"), down, e * 64 * 80);
      }
      folder.tensors().put(experts + "gate_up_proj", Tensor.floats(both, 8, 160, 64));
      folder.tensors().put(experts + "down_proj", Tensor.floats(down, 8, 64, 80));
    }
    assertAsExpected("qwen35moe", folder.writeTo(temporary));
  }

  private static void put(Tensor tensor, float[] out, int at) {
    float[] values = tensor.floats();
    System.arraycopy(values, 0, out, at, values.length);
  }

  @Test
  void mlxTurnsTheConvolutionRoundAndAddsOneToTheNorms() {
    RewrittenFolder folder = RewrittenFolder.of("qwen35");
    folder
        .tensors()
        .replaceAll(
            (name, tensor) -> {
              if (name.endsWith("conv1d.weight")) {
                return new Tensor("F32", List.of(256L, 4L, 1L), tensor.data());
              }
              boolean shifted =
                  name.endsWith("layernorm.weight")
                      || (name.endsWith("norm.weight") && !name.contains("linear_attn"));
              if (shifted) {
                float[] values = tensor.floats();
                for (int i = 0; i < values.length; i++) {
                  values[i] += 1;
                }
                return Tensor.floats(values, values.length);
              }
              return tensor;
            });
    assertAsExpected("qwen35", folder.writeTo(temporary));
  }

  @Test
  void weightsMayBeInShards() {
    assertAsExpected("qwen3", RewrittenFolder.of("qwen3").writeShardsTo(temporary));
  }

  @Test
  void biasesOfZerosThatAQuantiserAddedAreLetPass() {
    RewrittenFolder folder = RewrittenFolder.of("qwen2-gptq-int4");
    String bias = "model.layers.0.mlp.down_proj.bias";
    folder.tensors().put(bias, Tensor.floats(new float[128], 128));
    assertAsExpected("qwen2-gptq-int4", folder.writeTo(temporary));
    float[] one = new float[128];
    one[7] = 1;
    folder.tensors().put(bias, Tensor.floats(one, 128));
    assertBad(
        folder.writeTo(temporary), "tensor " + bias + " is not part of a model that this engine");
  }

  @Test
  void gptqsSecondFormStoresZeroPointsAsTheyAre() {
    RewrittenFolder folder = RewrittenFolder.of("qwen2-gptq-int4");
    ((ObjectNode) folder.config().get("quantization_config")).put("checkpoint_format", "gptq_v2");
    folder
        .tensors()
        .replaceAll(
            (name, tensor) -> {
              if (name.endsWith("qzeros")) {
                byte[] plusOne = tensor.data().clone();
                for (int i = 0; i < plusOne.length; i++) {
                  plusOne[i] = (byte) (plusOne[i] + 0x11);
                }
                return new Tensor("I32", tensor.shape(), plusOne);
              }
              return tensor;
            });
    assertAsExpected("qwen2-gptq-int4", folder.writeTo(temporary));
  }

  @Test
  void yarnInEitherFormMakesTheContextLonger() {
    RewrittenFolder newer = RewrittenFolder.of("qwen3");
    ((ObjectNode) newer.config().get("rope_parameters"))
        .put("rope_type", "yarn")
        .put("factor", 4.0)
        .put("original_max_position_embeddings", 4096);
    RewrittenFolder older = RewrittenFolder.of("qwen3");
    older.config().remove("rope_parameters");
    older.config().put("rope_theta", 1000000);
    older
        .config()
        .putObject("rope_scaling")
        .put("type", "yarn")
        .put("factor", 4.0)
        .put("original_max_position_embeddings", 4096);
    for (RewrittenFolder folder : List.of(newer, older)) {
      try (LocalModel model = LocalModel.load(folder.writeTo(temporary))) {
        assertThat(model.contextLength()).isEqualTo(16384);
      }
    }
  }

  @Test
  void textNeedsNoWeights() throws Exception {
    RewrittenFolder.of("qwen3")
        .text("chat_template.jinja", "{{ '<|im_start|>' }}")
        .writeTo(temporary);
    Files.delete(temporary.resolve("model.safetensors"));
    try (Vocabulary folder = Vocabulary.open(temporary);
        Vocabulary file = Vocabulary.open(Golden.model("qwen3"))) {
      String text = "the agent reads <|im_end|> a result, naïve 123";
      assertThat(folder.encode(text)).isEqualTo(file.encode(text));
      assertThat(folder.encodeWithMarkers(text)).isEqualTo(file.encodeWithMarkers(text));
      assertThat(folder.decode(folder.encodeWithMarkers(text))).isEqualTo(text);
      assertThat(folder.size()).isEqualTo(file.size());
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"chat_template.jinja", "chat_template.json", "tokenizer_config.json"})
  void theChatTemplateMayBeInAnyOfThreeFiles(String name) {
    String jinja = "{# qwen #}<|im_start|>";
    String content =
        switch (name) {
          case "chat_template.jinja" -> jinja;
          case "chat_template.json" -> "{\"chat_template\":\"" + jinja + "\"}";
          default ->
              "{\"chat_template\":[{\"name\":\"default\",\"template\":\""
                  + jinja
                  + "\"},{\"name\":\"rerank\",\"template\":\"second\"}]}";
        };
    RewrittenFolder.of("qwen3").text(name, content).writeTo(temporary);
    try (Checkpoint folder = HuggingFaceFolder.openText(temporary)) {
      assertThat(folder.metadata().string("tokenizer.chat_template")).isEqualTo(jinja);
      assertThat(folder.metadata().has("tokenizer.chat_template.rerank"))
          .isEqualTo(name.equals("tokenizer_config.json"));
    }
  }

  @Test
  void stopTokensAndSamplingAreThoseOfTheGenerationConfiguration() {
    RewrittenFolder.of("qwen3")
        .text(
            "generation_config.json",
            "{\"eos_token_id\":[349,347],\"temperature\":0.6,\"top_k\":20,\"top_p\":0.95}")
        .writeTo(temporary);
    try (Checkpoint folder = HuggingFaceFolder.openText(temporary)) {
      assertThat(folder.metadata().integer("tokenizer.ggml.eos_token_id")).isEqualTo(349);
      assertThat(folder.metadata().integer("tokenizer.ggml.eot_token_id")).isEqualTo(347);
      assertThat(folder.metadata().number("general.sampling.temp")).isEqualTo(0.6f);
      assertThat(folder.metadata().number("general.sampling.top_k")).isEqualTo(20);
    }
  }

  @Test
  void embeddingModelsSayHowToPoolAndWhatToAppend() throws Exception {
    String tokenizer =
        Files.readString(Golden.folder("qwen3").resolve("tokenizer.json"))
            .replaceFirst(
                "\"post_processor\":\\s*\\{",
                "\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[{\"Sequence\":"
                    + "{\"id\":\"A\"}},{\"SpecialToken\":{\"id\":\"<|endoftext|>\"}}]},\"old\":{");
    RewrittenFolder.of("qwen3")
        .text("tokenizer.json", tokenizer)
        .text("1_Pooling/config.json", "{\"pooling_mode_lasttoken\":true}")
        .rename(name -> name.replace("model.", ""))
        .writeTo(temporary);
    try (Checkpoint folder = HuggingFaceFolder.openText(temporary)) {
      assertThat(folder.metadata().integer("qwen3.pooling_type")).isEqualTo(3);
      assertThat(folder.metadata().optionalFlag("tokenizer.ggml.add_eos_token")).contains(true);
      assertThat(folder.metadata().integer("tokenizer.ggml.eos_token_id")).isEqualTo(347);
    }
    assertAsExpected("qwen3", temporary);
  }

  @Test
  void whatIsWrongWithAConfigurationIsNamed() {
    assertBadConfig("qwen3", "hidden_size", "\"64\"", "field hidden_size is \"64\", expected");
    assertBadConfig(
        "qwen3", "hidden_size", "0", "field hidden_size is 0, expected a number from 1");
    assertBadConfig("qwen3", "num_hidden_layers", "null", "num_hidden_layers is nothing");
    assertBadConfig("qwen3", "num_hidden_layers", "4", "tensor model.layers.3.input_layernorm");
    assertBadConfig("qwen3", "model_type", "\"llama\"", "field model_type is \"llama\", expected");
    assertBadConfig("qwen3", "hidden_act", "\"gelu\"", "field hidden_act is \"gelu\"");
    assertBadConfig(
        "qwen3", "rope_parameters", "{\"rope_type\":\"longrope\"}", "rope_parameters.rope_type");
    assertBadConfig("qwen3", "rope_parameters", "7", "field rope_parameters is 7");
    assertBadConfig("qwen3", "tie_word_embeddings", "false", "tensor lm_head.weight is missing");
    assertBadConfig("qwen3moe", "num_local_experts", "9", "experts.8.gate_proj.weight is missing");
    assertBadConfig(
        "qwen3moe", "mlp_only_layers", "[1]", "layers.1.mlp.gate_proj.weight is missing");
    assertBadConfig("qwen3moe", "decoder_sparse_step", "0", "field decoder_sparse_step is 0");
    assertBadConfig("qwen35", "linear_num_value_heads", "3", "a multiple of linear_num_key_heads");
    assertBadConfig("qwen35", "linear_num_key_heads", "4", "linear_num_key_heads and its kin say");
    assertBadConfig("qwen35", "layer_types", "[\"x\"]", "field layer_types is [\"x\"]");
    assertBadConfig(
        "qwen2-awq", "quantization_config", "{\"quant_method\":\"bitsandbytes\"}", "quant_method");
    assertBadConfig("qwen2-awq", "quantization_config", "null", "says nothing of GPTQ or AWQ");
    assertBadConfig("qwen3-fp8", "quantization_config", "null", "says nothing of fp8");
    assertBadConfig(
        "qwen3-fp8",
        "quantization_config",
        "{\"quant_method\":\"fp8\",\"weight_block_size\":[64,128]}",
        "a factor for each 64 x 128 weights of tensor");
  }

  private void assertBadConfig(String golden, String field, String json, String problem) {
    RewrittenFolder folder = RewrittenFolder.of(golden);
    try {
      folder.config().set(field, new ObjectMapper().readTree(json));
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException(e);
    }
    assertBad(folder.writeTo(temporary), problem);
  }

  @Test
  void whatIsMissingFromAFolderIsNamed() throws Exception {
    Path folder = RewrittenFolder.of("qwen3").writeShardsTo(temporary.resolve("shards"));
    Files.delete(folder.resolve("model-00002-of-00002.safetensors"));
    assertBad(folder, "model-00002-of-00002.safetensors: no such file");
    Path other = RewrittenFolder.of("qwen3").writeTo(temporary.resolve("other"));
    Files.delete(other.resolve("tokenizer.json"));
    assertBad(other, "tokenizer.json: no such file");
    Files.delete(other.resolve("model.safetensors"));
    assertBad(other, "no model.safetensors and no model.safetensors.index.json");
    Files.delete(other.resolve("config.json"));
    assertBad(other, "a directory without config.json and without a GGUF file");
    Files.writeString(other.resolve("config.json"), "{\"a\":1,");
    assertBad(other, "config.json: damaged JSON at line 1");
  }

  @Test
  void anIndexThatLeavesTheFolderIsRefused() throws Exception {
    Path folder = RewrittenFolder.of("qwen3").writeShardsTo(temporary);
    Path index = folder.resolve("model.safetensors.index.json");
    Files.writeString(index, "{\"weight_map\":{\"a\":\"../secret.safetensors\"}}");
    assertBad(folder, "weight_map names the file ../secret.safetensors");
    Files.writeString(index, "{\"weight_map\":{\"a\":\"model-00001-of-00002.safetensors\"}}");
    assertBad(folder, "weight_map says that tensor a is in model-00001-of-00002.safetensors");
  }

  @Test
  void aTokenizerOfAnotherKindIsRefused() throws Exception {
    String tokenizer = Files.readString(Golden.folder("qwen3").resolve("tokenizer.json"));
    RewrittenFolder folder = RewrittenFolder.of("qwen3");
    folder.text("tokenizer.json", tokenizer.replace("\"BPE\"", "\"Unigram\"")).writeTo(temporary);
    assertBad(temporary, "model.type is 'Unigram', expected BPE");
    folder.text("tokenizer.json", tokenizer.replace("\\\\p{L}+|", "\\\\w+|")).writeTo(temporary);
    assertBad(temporary, "which is not a Qwen's way");
    folder.text("tokenizer.json", tokenizer.replace(": 355", ": 355000000")).writeTo(temporary);
    assertBad(temporary, "tokenizer.json: ");
  }

  private static void assertAsExpected(String golden, Path folder) {
    try (EngineProbe probe = EngineProbe.load(folder, 2)) {
      Golden.assertAsExpected(golden, probe);
    }
  }

  private static void assertBad(Path folder, String problem) {
    assertThatThrownBy(() -> EngineProbe.load(folder, 2).close())
        .isInstanceOf(BadCheckpointException.class)
        .hasMessageStartingWith(folder.toString())
        .hasMessageContaining(problem)
        .hasMessageNotContaining("\n");
  }
}
