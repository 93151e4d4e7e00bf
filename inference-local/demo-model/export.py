"""Writes a trained state as a GGUF file: matrices Q8_0, norms F32, the tokenizer and Qwen3's chat template inside.

export.py FOLDER/last.pt TEMPLATE.jinja OUT.gguf [--raw]      --raw takes the newest weights instead of their average
"""
import pathlib, sys
import gguf, numpy as np, torch
from gguf import GGMLQuantizationType as Q
from tokenizers import Tokenizer
import json
from bpe import SPECIAL

NAMES = {"attn_norm": "attn_norm", "ffn_norm": "ffn_norm", "q_norm": "attn_q_norm", "k_norm": "attn_k_norm", "q": "attn_q", "k": "attn_k",
         "v": "attn_v", "o": "attn_output", "gate": "ffn_gate", "up": "ffn_up", "down": "ffn_down"}


def main():
    argv = [a for a in sys.argv[1:] if a != "--raw"]
    state = torch.load(argv[0])
    weights, s = state["model" if "--raw" in sys.argv else "average"], state["shape"]
    vocabulary = json.loads((pathlib.Path(argv[0]).parent / "tokenizer.json").read_text())
    w = gguf.GGUFWriter(argv[2], "qwen3")
    w.add_name("qwen4j demo"); w.add_description("A tiny transformer trained from scratch to use tools; see MODEL_CARD.md of qwen4j"); w.add_license("Apache-2.0"); w.add_file_type(7)
    w.add_block_count(s["layers"]); w.add_context_length(s["context"]); w.add_embedding_length(s["width"]); w.add_feed_forward_length(s["ffn"])
    w.add_head_count(s["heads"]); w.add_head_count_kv(s["kv_heads"]); w.add_key_length(s["head"]); w.add_value_length(s["head"])
    w.add_rope_freq_base(s["theta"]); w.add_layer_norm_rms_eps(s["epsilon"])
    w.add_float32("general.sampling.temp", 0.0)
    tokens = sorted(vocabulary["model"]["vocab"].items(), key=lambda e: e[1])
    assert [i for _, i in tokens] == list(range(s["vocab"]))
    kinds = [gguf.TokenType.NORMAL] * len(tokens)
    for i, t in enumerate(SPECIAL):
        assert tokens[i][0] == t
        kinds[i] = gguf.TokenType.CONTROL if t.startswith("<|") else gguf.TokenType.USER_DEFINED
    w.add_tokenizer_model("gpt2"); w.add_tokenizer_pre("qwen2"); w.add_token_list([t for t, _ in tokens]); w.add_token_types(kinds)
    w.add_token_merges([" ".join(m) if isinstance(m, list) else m for m in vocabulary["model"]["merges"]])
    w.add_eos_token_id(SPECIAL.index("<|im_end|>")); w.add_pad_token_id(SPECIAL.index("<|endoftext|>")); w.add_bos_token_id(SPECIAL.index("<|endoftext|>")); w.add_add_bos_token(False)
    w.add_chat_template(pathlib.Path(argv[1]).read_text())

    def put(name, tensor):
        x = tensor.numpy().astype(np.float32)
        if x.ndim == 1:
            w.add_tensor(name, x)
        else:
            w.add_tensor(name, gguf.quants.quantize(x, Q.Q8_0), raw_dtype=Q.Q8_0)

    put("token_embd.weight", weights["embedding.weight"])
    put("output_norm.weight", weights["norm.weight"])
    for i in range(s["layers"]):
        for ours, theirs in NAMES.items():
            put(f"blk.{i}.{theirs}.weight", weights[f"layers.{i}.{ours}.weight"])
    w.write_header_to_file(); w.write_kv_data_to_file(); w.write_tensors_to_file(); w.close()
    print(argv[2], pathlib.Path(argv[2]).stat().st_size, "bytes; step", state["step"], "tokens", state["tokens"])


main()
