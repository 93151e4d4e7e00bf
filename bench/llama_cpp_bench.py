#!/usr/bin/env python3
"""llama.cpp's prompt and generation speed on a GGUF file, through its C API, as llama-bench measures it.

    llama_cpp_bench.py MODEL.gguf --llama FOLDER [--pp 512] [--tg 64] [--depth 0] [--threads 2] [--repeats 3]

FOLDER is one in which `npm i @node-llama-cpp/linux-x64@3.22.1` was run (prebuilt llama.cpp v0.5.0, which picks the
best instructions of the machine by itself). pp = ids in one go from an empty cache; tg = one id at a time after
`depth` tokens. Prints one JSON line with rates in tokens per second. Needs only Python's standard library.
"""
import argparse
import ctypes as C
import glob
import json
import os
import time


class Opaque(C.Structure):
    """A parameter struct passed in memory: larger than any released version, set by word index."""

    _fields_ = [("w", C.c_uint32 * 128)]


class Batch(C.Structure):
    _fields_ = [("n", C.c_int32), ("token", C.c_void_p), ("embd", C.c_void_p), ("pos", C.c_void_p),
                ("n_seq", C.c_void_p), ("seq", C.c_void_p), ("logits", C.c_void_p)]


SIGNATURES = {
    "llama_model_default_params": (Opaque, []),
    "llama_context_default_params": (Opaque, []),
    "llama_model_load_from_file": (C.c_void_p, [C.c_char_p, Opaque]),
    "llama_init_from_model": (C.c_void_p, [C.c_void_p, Opaque]),
    "llama_batch_get_one": (Batch, [C.c_void_p, C.c_int32]),
    "llama_decode": (C.c_int32, [C.c_void_p, Batch]),
    "llama_get_memory": (C.c_void_p, [C.c_void_p]),
    "llama_memory_clear": (None, [C.c_void_p, C.c_bool]),
    "llama_memory_seq_rm": (C.c_bool, [C.c_void_p, C.c_int32, C.c_int32, C.c_int32]),
    "llama_synchronize": (None, [C.c_void_p]),
    "llama_get_logits_ith": (C.POINTER(C.c_float), [C.c_void_p, C.c_int32]),
    "llama_model_get_vocab": (C.c_void_p, [C.c_void_p]),
    "llama_vocab_n_tokens": (C.c_int32, [C.c_void_p]),
    "llama_model_free": (None, [C.c_void_p]),
    "llama_free": (None, [C.c_void_p]),
}
LOG = C.CFUNCTYPE(None, C.c_int, C.c_char_p, C.c_void_p)
QUIET = LOG(lambda *_: None)  # must outlive every call


def library(folder):
    """The loaded C API of the npm package under `folder`."""
    found = glob.glob(os.path.join(folder, "**/@node-llama-cpp/linux-x64/bins/linux-x64"), recursive=True)
    if not found:
        raise SystemExit(f"no @node-llama-cpp/linux-x64 under {folder}: run `npm i @node-llama-cpp/linux-x64@3.22.1` there")
    lib = os.path.abspath(found[0])
    C.CDLL(f"{lib}/libggml-base.so", C.RTLD_GLOBAL)
    ggml = C.CDLL(glob.glob(f"{lib}/libggml.v*.so")[0], C.RTLD_GLOBAL)
    llama = C.CDLL(glob.glob(f"{lib}/libllama.v*.so")[0], C.RTLD_GLOBAL)
    llama.llama_log_set(QUIET, None)
    ggml.ggml_backend_load_all_from_path(lib.encode())
    for name, (result, arguments) in SIGNATURES.items():
        function = getattr(llama, name)
        function.restype, function.argtypes = result, arguments
    llama.llama_backend_init()
    return llama


class Context:
    """A loaded model with an empty cache for `size` tokens."""

    def __init__(self, llama, path, size, threads):
        self.llama = llama
        self.model = llama.llama_model_load_from_file(path.encode(), llama.llama_model_default_params())
        if not self.model:
            raise SystemExit(f"llama.cpp could not load {path}")
        params = llama.llama_context_default_params()
        params.w[0], params.w[1], params.w[2] = size, 2048, 512  # n_ctx, n_batch, n_ubatch
        params.w[7], params.w[8] = threads, threads              # n_threads, n_threads_batch in v0.5.0
        self.context = llama.llama_init_from_model(self.model, params)

    def decode(self, ids):
        array = (C.c_int32 * len(ids))(*ids)
        if self.llama.llama_decode(self.context, self.llama.llama_batch_get_one(C.cast(array, C.c_void_p), len(ids))):
            raise SystemExit("llama_decode failed")
        self.llama.llama_synchronize(self.context)

    def logits(self):
        """After the last id of the last batch: a view that the next batch overwrites."""
        rows = self.llama.llama_vocab_n_tokens(self.llama.llama_model_get_vocab(self.model))
        found = self.llama.llama_get_logits_ith(self.context, -1)
        return C.cast(found, C.POINTER(C.c_float * rows)).contents

    def close(self):
        self.llama.llama_free(self.context)
        self.llama.llama_model_free(self.model)

    def clear(self):
        self.llama.llama_memory_clear(self.llama.llama_get_memory(self.context), True)

    def rewind(self, position):
        """Forgets what came after so many tokens; False where the model cannot."""
        return self.llama.llama_memory_seq_rm(self.llama.llama_get_memory(self.context), -1, position, -1)

    def read(self, ids):
        """As decode, in batches that it takes."""
        for at in range(0, len(ids), 2048):
            self.decode(ids[at:at + 2048])


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("model")
    arguments.add_argument("--llama", required=True, metavar="FOLDER")
    for name, default in (("pp", 512), ("tg", 64), ("depth", 0), ("threads", 2), ("repeats", 3)):
        arguments.add_argument(f"--{name}", type=int, default=default)
    o = arguments.parse_args()
    llama = library(o.llama)
    prompt = [100 + i * 7919 % 20000 for i in range(max(o.pp, o.depth))]
    started = time.perf_counter()
    context = Context(llama, o.model, len(prompt) + o.tg + 64, o.threads)
    load = time.perf_counter() - started
    prefill, decode = [], []
    for repeat in range(-1, o.repeats):  # the first round warms up
        if o.pp:
            context.clear()
            t = time.perf_counter()
            context.read(prompt[:o.pp])
            if repeat >= 0:
                prefill.append(o.pp / (time.perf_counter() - t))
    for repeat in range(-1, o.repeats if o.tg else -1):
        if repeat < 0 or not context.rewind(o.depth):
            context.clear()
            context.read(prompt[:o.depth])
        context.decode([1234])
        t = time.perf_counter()
        for i in range(o.tg):
            context.decode([200 + i * 31 % 20000])
        if repeat >= 0:
            decode.append(o.tg / (time.perf_counter() - t))
    print(json.dumps({f"pp{o.pp}": summary(prefill), f"tg{o.tg}@{o.depth}": summary(decode), "load_s": round(load, 2)}))


def summary(rates):
    if not rates:
        return None
    return {"median": round(sorted(rates)[len(rates) // 2], 2), "min": round(min(rates), 2), "max": round(max(rates), 2)}


if __name__ == "__main__":
    main()
