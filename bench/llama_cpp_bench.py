#!/usr/bin/env python3
"""llama.cpp's prompt and generation speed on a GGUF file, through its C API, as llama-bench measures it.

    llama_cpp_bench.py MODEL.gguf --llama FOLDER [--pp 512] [--tg 64] [--depth 0,4096] [--history 1500] [--threads 2]
                       [--repeats 3] [--paced]

FOLDER is one in which `npm i @node-llama-cpp/linux-x64@3.22.1` was run (prebuilt llama.cpp v0.5.0, which picks the
best instructions of the machine by itself). pp = ids in one go, tg = one id at a time, each behind `depth` tokens and
in tokens per second. --history: seconds to the first logits of a second turn, whose prompt repeats so many tokens and
adds 100, with the cache that the first turn left. Prints one JSON line, with the fields of `qwen4j bench --json`.
Needs only Python's standard library.
"""
import argparse
import ctypes as C
import glob
import json
import os
import sys
import time


NEW = 100  # tokens that a second turn adds


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


class Turns:
    """When to measure: at once, or (--paced) in turn with another program, as `qwen4j bench --paced` does: a line comes
    in for every measurement, and one goes out when it is the other's turn."""

    def __init__(self, paced):
        self.paced = paced

    def wait(self):
        if self.paced and not sys.stdin.readline():
            raise SystemExit("--paced: expected a line for each measurement, but stdin has ended")

    def done(self, what):
        if self.paced:
            print(json.dumps({"done": what}), flush=True)

    def series(self, name, repeats, warm_up, figure):
        """The figures of `repeats` measurements after one that warms up."""
        figures = []
        for repeat in range(-1, repeats):
            self.wait()
            if repeat < 0:
                warm_up()
            else:
                figures.append(figure())
            self.done(name)
        return summary(figures)


def peak_mb():
    """Resident memory at its peak, the mapped file and Python's own 10 MB included."""
    with open("/proc/self/status") as status:
        return round(next(int(line.split()[1]) for line in status if line.startswith("VmHWM:")) * 1024 / 1e6, 1)


def seconds(work):
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


class Prompt:
    """Ids that a context reads again and again from the start, as far as it has forgotten them."""

    def __init__(self, context, length):
        self.context = context
        self.ids = [100 + i * 7919 % 20000 for i in range(length)]
        self.known = 0  # so many of the first positions are the prompt's

    def read_to(self, depth):
        """Has exactly the first `depth` ids read."""
        kept = min(depth, self.known)
        if not self.context.rewind(kept):
            self.context.clear()
            kept = 0
        self.context.read(self.ids[kept:depth])
        self.known = depth

    def prefill(self, depth, tokens):
        self.read_to(depth)
        rate = tokens / seconds(lambda: self.context.read(self.ids[depth:depth + tokens]))
        self.known = depth + tokens
        return rate

    def decode(self, depth, tokens):
        self.read_to(depth)
        self.context.decode([1234])
        return tokens / seconds(lambda: [self.context.decode([200 + i * 31 % 20000]) for i in range(tokens)])

    def second_turn(self, history):
        """Seconds to the first logits of a prompt that goes on with `history` tokens, read and answered before."""
        self.read_to(history)
        for i in range(4):
            self.context.decode([200 + i])  # the reply, which the next prompt does not repeat

        def answer():
            self.read_to(history)
            self.context.read([300 + i * 37 % 20000 for i in range(NEW)])
            self.context.logits()

        return seconds(answer)


def measure(prompt, o, turns):
    """Rates of everything behind a depth, by name."""
    figures = {}
    for depth in [0] + [depth for depth in o.depth if depth]:
        if o.pp:
            name = f"pp{o.pp}" + (f"@{depth}" if depth else "")
            warm_up = (lambda: prompt.read_to(depth)) if depth else (lambda: prompt.prefill(0, o.pp))
            figures[name] = turns.series(name, o.repeats, warm_up, lambda: prompt.prefill(depth, o.pp))
        if o.tg and depth in o.depth:
            name = f"tg{o.tg}@{depth}"
            decode = lambda: prompt.decode(depth, o.tg)
            figures[name] = turns.series(name, o.repeats, decode, decode)
    return figures


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("model")
    arguments.add_argument("--llama", required=True, metavar="FOLDER")
    for name, default in (("pp", 512), ("tg", 64), ("history", 0), ("threads", 2), ("repeats", 3)):
        arguments.add_argument(f"--{name}", type=int, default=default)
    arguments.add_argument("--depth", type=lambda text: [int(n) for n in text.split(",")], default=[0], metavar="N,…")
    arguments.add_argument("--paced", action="store_true")
    o = arguments.parse_args()
    llama = library(o.llama)
    size = max(o.depth) + max(o.pp, o.tg + 1)
    started = time.perf_counter()
    context = Context(llama, o.model, size + 64, o.threads)
    load = time.perf_counter() - started
    turns = Turns(o.paced)
    turns.done("loaded")
    figures = measure(Prompt(context, size), o, turns)
    figures["peak_rss_mb"] = peak_mb()
    if o.history:
        if size < o.history + NEW:  # a context takes all its memory at once, so not before the peak is noted
            context.close()
            context = Context(llama, o.model, o.history + NEW + 64, o.threads)
        prompt = Prompt(context, o.history)
        context.clear()
        turn = lambda: prompt.second_turn(o.history)
        rates = turns.series("second turn", o.repeats, turn, turn)
        figures["second_turn"] = {"history": o.history, "new": NEW, "seconds": rates}
    turns.wait()  # this turn's line is the result
    print(json.dumps({**figures, "load_s": round(load, 2)}))


def summary(rates):
    if not rates:
        return None
    return {"median": round(sorted(rates)[len(rates) // 2], 3), "min": round(min(rates), 3), "max": round(max(rates), 3)}


if __name__ == "__main__":
    main()
