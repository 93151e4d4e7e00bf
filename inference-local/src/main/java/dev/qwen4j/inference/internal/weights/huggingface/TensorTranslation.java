package dev.qwen4j.inference.internal.weights.huggingface;

import dev.qwen4j.inference.internal.kernel.TensorType;
import dev.qwen4j.inference.internal.weights.ConvertedRows;
import dev.qwen4j.inference.internal.weights.RowSource;
import dev.qwen4j.inference.internal.weights.StoredRows;
import dev.qwen4j.inference.internal.weights.TensorSource;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;

/**
 * A folder's tensors under GGUF's names and in GGUF's conventions. What lies in the files in the
 * form that kernels read stays there. The rest is written anew:
 *
 * <ul>
 *   <li>vectors are float32;
 *   <li>the norms of Qwen3-Next and Qwen3.5, stored less 1, get it back, but for the norm inside a
 *       recurrent layer;
 *   <li>{@code A_log} becomes A = −exp(A_log);
 *   <li>Qwen3-Next's projection of everything that a recurrent layer reads is taken apart;
 *   <li>the value heads of Qwen3.5's recurrent layers, stored by key head, are put in the order in
 *       which value head h belongs to key head h mod keyHeads, wherever they occur;
 *   <li>experts are stacked.
 * </ul>
 */
final class TensorTranslation {
  /** Where the text model's tensors may begin, the most specific first. */
  private static final List<String> PREFIXES =
      List.of("model.language_model.", "language_model.model.", "model.", "");

  /** The parts of a folder that this engine does without: pictures, and guesses of more tokens. */
  private static final List<String> SKIPPED =
      List.of("model.visual.", "visual.", "vision_tower.", "mtp.", "model.mtp.");

  private final FolderConfig config;
  private final LinearLayers in;
  private final String prefix;
  private final float normShift;
  private final List<TensorSource> out = new ArrayList<>();

  private TensorTranslation(FolderConfig config, LinearLayers in) {
    this.config = config;
    this.in = in;
    this.prefix =
        PREFIXES.stream()
            .filter(start -> in.hasModule(start + "embed_tokens"))
            .findFirst()
            .orElse("model.");
    this.normShift = config.isHybrid() && !isFromMlx() ? 1 : 0;
  }

  static List<TensorSource> translate(FolderConfig config, LinearLayers in) {
    TensorTranslation translation = new TensorTranslation(config, in);
    translation.ends();
    for (int l = 0; l < config.layers(); l++) {
      translation.layer(l);
    }
    in.finish(SKIPPED);
    return translation.out;
  }

  /** MLX's converter turns the convolution round, and adds the 1 to the norms. */
  private boolean isFromMlx() {
    return in.names()
        .filter(name -> name.startsWith(prefix) && name.endsWith(".conv1d.weight"))
        .limit(1)
        .anyMatch(
            name -> {
              StoredTensor convolution = in.take(name);
              return convolution.shape().size() == 3
                  && convolution.shape().getLast() == 1
                  && convolution.shape().get(1) > 1;
            });
  }

  private void ends() {
    matrix("token_embd.weight", prefix + "embed_tokens");
    vector("output_norm.weight", prefix + "norm.weight", this::shifted);
    String head =
        List.of("lm_head", "language_model.lm_head", "model.lm_head").stream()
            .filter(in::hasModule)
            .findFirst()
            .orElse("lm_head");
    boolean headless = prefix.isEmpty() && !in.hasModule(head); // an embedding model's folder
    if (config.tied() || headless) {
      if (in.hasModule(head)) {
        in.matrix(head); // the embedding again
      }
    } else {
      matrix("output.weight", head);
    }
    if (in.hasModule("score")) {
      matrix("cls.output.weight", "score");
    }
  }

  private void layer(int l) {
    String from = prefix + "layers." + l + ".";
    String to = "blk." + l + ".";
    vector(to + "attn_norm.weight", from + "input_layernorm.weight", this::shifted);
    vector(
        to + (config.isHybrid() ? "post_attention_norm.weight" : "ffn_norm.weight"),
        from + "post_attention_layernorm.weight",
        this::shifted);
    if (config.isHybrid() && config.recurrent().get(l)) {
      recurrence(to, from + "linear_attn.");
    } else {
      attention(to, from + "self_attn.");
    }
    if (config.hasExperts(l)) {
      experts(to, from + "mlp.");
    } else {
      feedForward(to, "", from + "mlp.");
    }
  }

  private void attention(String to, String from) {
    for (String part : List.of("q", "k", "v")) {
      matrix(to + "attn_" + part + ".weight", from + part + "_proj");
      if (in.has(from + part + "_proj.bias")) {
        vector(to + "attn_" + part + ".bias", from + part + "_proj.bias", values -> values);
      }
      if (in.has(from + part + "_norm.weight")) {
        vector(to + "attn_" + part + "_norm.weight", from + part + "_norm.weight", this::shifted);
      }
    }
    matrix(to + "attn_output.weight", from + "o_proj");
  }

  private void feedForward(String to, String kind, String from) {
    for (String part : List.of("gate", "up", "down")) {
      matrix(to + "ffn_" + part + kind + ".weight", from + part + "_proj");
    }
  }

  private void experts(String to, String from) {
    matrix(to + "ffn_gate_inp.weight", from + "gate");
    if (in.has(from + "experts.gate_up_proj")) {
      stacked(to + "ffn_gate_up_exps.weight", in.matrix("", from + "experts.gate_up_proj"));
      stacked(to + "ffn_down_exps.weight", in.matrix("", from + "experts.down_proj"));
    } else {
      for (String part : List.of("gate", "up", "down")) {
        stacked(to + "ffn_" + part + "_exps.weight", expertPart(from, part + "_proj"));
      }
    }
    if (in.hasModule(from + "shared_expert_gate")) {
      feedForward(to, "_shexp", from + "shared_expert.");
      matrix(to + "ffn_gate_inp_shexp.weight", from + "shared_expert_gate");
    }
  }

  /** MLX stacks the experts itself. */
  private RowSource expertPart(String from, String part) {
    if (in.hasModule(from + "switch_mlp." + part)) {
      return in.matrix(from + "switch_mlp." + part);
    }
    List<RowSource> experts = new ArrayList<>();
    for (int e = 0; e < config.experts(); e++) {
      String module = from + "experts." + e + "." + part;
      RowSource expert = in.matrix(module);
      if (!experts.isEmpty()
          && (expert.cols() != experts.getFirst().cols()
              || expert.rows() != experts.getFirst().rows())) {
        throw config.bad(
            "module %s is %d x %d, the expert before %d x %d; the folder is damaged"
                .formatted(
                    module,
                    expert.rows(),
                    expert.cols(),
                    experts.getFirst().rows(),
                    experts.getFirst().cols()));
      }
      experts.add(expert);
    }
    return ArrangedRows.stacked(experts);
  }

  private void stacked(String name, RowSource rows) {
    long experts = config.experts();
    if (rows.rows() % experts != 0) {
      throw config.bad(
          "field num_experts is %d, but tensor %s has %d rows of all; the folder is damaged"
              .formatted(experts, name, rows.rows()));
    }
    out.add(
        new TensorSource(name, List.of((long) rows.cols(), rows.rows() / experts, experts), rows));
  }

  private void recurrence(String to, String from) {
    ValueHeads heads = ValueHeads.of(config);
    if (in.hasModule(from + "in_proj_qkvz")) {
      RowSource all = checked(in.matrix(from + "in_proj_qkvz"), heads.allRows(), from);
      out.add(TensorSource.matrix(to + "attn_qkv.weight", heads.queriesKeysValues(all)));
      out.add(TensorSource.matrix(to + "attn_gate.weight", heads.gates(all)));
      matrix(to + "ssm_ba.weight", from + "in_proj_ba");
    } else {
      RowSource qkv = checked(in.matrix(from + "in_proj_qkv"), heads.channels(), from);
      RowSource gate = checked(in.matrix(from + "in_proj_z"), heads.width(), from);
      RowSource beta = checked(in.matrix(from + "in_proj_b"), heads.count(), from);
      RowSource alpha = checked(in.matrix(from + "in_proj_a"), heads.count(), from);
      out.add(TensorSource.matrix(to + "attn_qkv.weight", heads.afterKeys(qkv)));
      out.add(TensorSource.matrix(to + "attn_gate.weight", heads.rows(gate)));
      out.add(TensorSource.matrix(to + "ssm_beta.weight", heads.one(beta)));
      out.add(TensorSource.matrix(to + "ssm_alpha.weight", heads.one(alpha)));
    }
    out.add(
        TensorSource.matrix(
            to + "ssm_conv1d.weight",
            heads.afterKeys(checked(taps(from + "conv1d.weight"), heads.channels(), from))));
    vector(
        to + "ssm_a",
        from + "A_log",
        values -> {
          float[] a = heads.each(values);
          for (int h = 0; h < a.length; h++) {
            a[h] = (float) -Math.exp(a[h]);
          }
          return a;
        });
    vector(to + "ssm_dt.bias", from + "dt_bias", heads::each);
    vector(to + "ssm_norm.weight", from + "norm.weight", values -> values);
    RowSource output = in.matrix(from + "out_proj");
    if (output.cols() != heads.width()) {
      throw config.bad(
          "module %sout_proj has rows of %d, expected %d"
              .formatted(from, output.cols(), heads.width()));
    }
    out.add(TensorSource.matrix(to + "ssm_out.weight", heads.columns(output)));
  }

  private RowSource checked(RowSource rows, long expected, String module) {
    if (rows.rows() != expected) {
      throw config.bad(
          "linear_num_key_heads and its kin say %d rows for a projection of %s, found %d"
              .formatted(expected, module, rows.rows()));
    }
    return rows;
  }

  /** The convolution, [channels, taps], from [channels, 1, taps] or MLX's [channels, taps, 1]. */
  private RowSource taps(String name) {
    StoredTensor tensor = in.take(name);
    if (tensor.shape().size() != 3) {
      throw tensor.bad("channels x 1 x taps");
    }
    long channels = tensor.shape().getFirst();
    long taps = tensor.elements() / channels;
    if (taps > 1 << 16) {
      throw tensor.bad("channels x 1 x taps");
    }
    StoredRows stored = tensor.stored();
    StoredRows rows =
        new StoredRows(stored.type(), channels, (int) taps, stored.data(), stored.again());
    return new ConvertedRows(rows, TensorType.F32);
  }

  private void matrix(String name, String module) {
    out.add(TensorSource.matrix(name, in.matrix(module)));
  }

  private void vector(String name, String from, UnaryOperator<float[]> change) {
    float[] values = change.apply(in.take(from).floats());
    StoredRows rows =
        new StoredRows(TensorType.F32, 1, values.length, MemorySegment.ofArray(values));
    out.add(new TensorSource(name, List.of((long) values.length), rows));
  }

  private float[] shifted(float[] values) {
    for (int i = 0; i < values.length; i++) {
      values[i] += normShift;
    }
    return values;
  }
}
