#!/usr/bin/env python3
"""A full-size Qwen GGUF with random weights: an engine's speed depends on shapes and types, not on values.

    synthetic_gguf.py SIZE TYPE VOCABULARY.gguf OUT.gguf [--llama FOLDER]

SIZE is one of the shapes below; TYPE is F16, BF16, Q8_0 or Q4_0, or any other file type of llama.cpp (Q4_K_M,
Q5_K_M, Q6_K, Q4_1, Q5_0, IQ4_XS…), which llama.cpp itself then quantises (--llama as in llama_cpp_bench.py). The
tokenizer is copied from VOCABULARY.gguf: any GGUF of Qwen2, 2.5 or 3, a vocabulary-only one too. The same SIZE, TYPE
and vocabulary give the same file. Needs: pip install gguf numpy.
"""
import argparse
import ctypes as C
import os

import numpy as np
from gguf import GGMLQuantizationType as Type
from gguf import GGUFReader, GGUFValueType, GGUFWriter, quants

# layers, width, heads, kv heads, head dimension, feed-forward, tied output, qwen3
SHAPES = {
    "small": (4, 512, 8, 4, 64, 1536, True, True),
    "2.5-0.5b": (24, 896, 14, 2, 64, 4864, True, False),
    "2.5-1.5b": (28, 1536, 12, 2, 128, 8960, True, False),
    "3-0.6b": (28, 1024, 16, 8, 128, 3072, True, True),
    "3-1.7b": (28, 2048, 16, 8, 128, 6144, True, True),
    "3-4b": (36, 2560, 32, 8, 128, 9728, True, True),
    "3-8b": (36, 4096, 32, 8, 128, 12288, False, True),
}
# llama.cpp's numbers for general.file_type
FILE_TYPES = {
    "F16": 1, "Q4_0": 2, "Q4_1": 3, "Q8_0": 7, "Q5_0": 8, "Q5_1": 9, "Q2_K": 10, "Q3_K_M": 12, "Q4_K_S": 14, "Q4_K_M": 15,
    "Q5_K_S": 16, "Q5_K_M": 17, "Q6_K": 18, "IQ4_NL": 25, "IQ4_XS": 30, "BF16": 32, "MXFP4": 38,
}
DIRECT = {"F16", "BF16", "Q8_0", "Q4_0"}


class Checkpoint:
    """Writes one file of random weights."""

    def __init__(self, size, kind, vocabulary, out):
        self.random = np.random.default_rng(1)
        self.type = Type[kind]
        self.layers, self.width, self.heads, self.kv, self.dim, self.ffn, self.tied, self.qwen3 = SHAPES[size]
        self.file = GGUFWriter(out, "qwen3" if self.qwen3 else "qwen2")
        self.file.add_name(f"random-{size}")
        self.file.add_file_type(FILE_TYPES.get(kind, 0))
        self.hyperparameters()
        self.rows = self.copy_tokenizer(GGUFReader(vocabulary))

    def hyperparameters(self):
        f = self.file
        f.add_block_count(self.layers)
        f.add_context_length(32768)
        f.add_embedding_length(self.width)
        f.add_feed_forward_length(self.ffn)
        f.add_head_count(self.heads)
        f.add_head_count_kv(self.kv)
        f.add_rope_freq_base(1e6)
        f.add_layer_norm_rms_eps(1e-6)
        f.add_key_length(self.dim)
        f.add_value_length(self.dim)

    def copy_tokenizer(self, vocabulary):
        for field in vocabulary.fields.values():
            if not field.name.startswith("tokenizer."):
                continue
            if field.types[0] == GGUFValueType.ARRAY:
                self.file.add_array(field.name, field.contents())
            else:
                self.file.add_key_value(field.name, field.contents(), field.types[0])
        return len(vocabulary.fields["tokenizer.ggml.tokens"].data)

    def matrix(self, name, rows, columns, deviation=0.02):
        if self.type in (Type.Q8_0, Type.Q4_0):  # random blocks whose values have this deviation
            bytes_, spread = (32, 73.9) if self.type == Type.Q8_0 else (16, 4.6)
            blocks = self.random.integers(0, 256, (rows * columns // 32, 2 + bytes_), dtype=np.uint8)
            blocks[:, :2] = np.full((1, 1), deviation / spread, np.float16).view(np.uint8)
            self.file.add_tensor(name, blocks.reshape(rows, -1), raw_dtype=self.type)
        else:
            values = self.random.standard_normal((rows, columns), dtype=np.float32) * deviation
            values = values.astype(np.float16) if self.type == Type.F16 else quants.quantize(values, self.type)
            self.file.add_tensor(name, values, raw_dtype=self.type)

    def vector(self, name, length, centre):
        self.file.add_tensor(name, (centre + 0.1 * self.random.standard_normal(length)).astype(np.float32))

    def write(self):
        self.matrix("token_embd.weight", self.rows, self.width)
        self.vector("output_norm.weight", self.width, 1)
        if not self.tied:
            self.matrix("output.weight", self.rows, self.width)
        for i in range(self.layers):
            self.block(f"blk.{i}.")
        self.file.write_header_to_file()
        self.file.write_kv_data_to_file()
        self.file.write_tensors_to_file()
        self.file.close()

    def block(self, b):
        self.vector(b + "attn_norm.weight", self.width, 1)
        self.vector(b + "ffn_norm.weight", self.width, 1)
        for name, rows in (("q", self.heads * self.dim), ("k", self.kv * self.dim), ("v", self.kv * self.dim)):
            self.matrix(f"{b}attn_{name}.weight", rows, self.width)
            if not self.qwen3:
                self.vector(f"{b}attn_{name}.bias", rows, 0)
        if self.qwen3:
            self.vector(b + "attn_q_norm.weight", self.dim, 1)
            self.vector(b + "attn_k_norm.weight", self.dim, 1)
        self.matrix(b + "attn_output.weight", self.width, self.heads * self.dim)
        self.matrix(b + "ffn_gate.weight", self.ffn, self.width)
        self.matrix(b + "ffn_up.weight", self.ffn, self.width)
        self.matrix(b + "ffn_down.weight", self.width, self.ffn)


def quantise(source, out, kind, folder):
    """Has llama.cpp rewrite `source` in another file type."""
    from llama_cpp_bench import library

    llama = library(folder)

    class Params(C.Structure):
        _fields_ = [("w", C.c_int32 * 64)]

    llama.llama_model_quantize_default_params.restype = Params
    llama.llama_model_quantize.argtypes = [C.c_char_p, C.c_char_p, C.POINTER(Params)]
    params = llama.llama_model_quantize_default_params()
    params.w[0], params.w[1] = os.cpu_count(), FILE_TYPES[kind]
    if llama.llama_model_quantize(source.encode(), out.encode(), C.byref(params)):
        raise SystemExit(f"llama.cpp could not quantise to {kind}")


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("size", choices=SHAPES)
    arguments.add_argument("type", choices=FILE_TYPES)
    arguments.add_argument("vocabulary")
    arguments.add_argument("out")
    arguments.add_argument("--llama", default=os.environ.get("LLAMA_CPP"), metavar="FOLDER")
    o = arguments.parse_args()
    if o.type in DIRECT:
        Checkpoint(o.size, o.type, o.vocabulary, o.out).write()
        return
    if not o.llama:
        arguments.error(f"{o.type} is quantised by llama.cpp: give --llama FOLDER")
    halves = o.out + ".f16"
    try:
        Checkpoint(o.size, "F16", o.vocabulary, halves).write()
        quantise(halves, o.out, o.type, o.llama)
    finally:
        if os.path.exists(halves):
            os.remove(halves)


if __name__ == "__main__":
    main()
