"""Compares greedy continuations of generated prompts: qwen4j's engine beside llama.cpp, token by token.

same_as_llama.py MODEL.gguf tokenizer.json --llama FOLDER [--count 20] [--n 40] [--qwen4j ../../qwen4j]

FOLDER is one in which `npm i @node-llama-cpp/linux-x64@3.22.1` was run, as for ../../bench/agreement.
"""
import argparse, json, pathlib, random, subprocess, sys
from tokenizers import Tokenizer
import data

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "../../bench"))
from llama_cpp_bench import Context, library

END = 2  # <|im_end|>: what would follow is of no use to anyone

a = argparse.ArgumentParser()
a.add_argument("model"); a.add_argument("tokenizer"); a.add_argument("--llama", required=True); a.add_argument("--count", type=int, default=20)
a.add_argument("--n", type=int, default=40); a.add_argument("--qwen4j", default=str(HERE / "../../qwen4j"))
o = a.parse_args()
tk, r, prompts = Tokenizer.from_file(o.tokenizer), random.Random("llama"), []
for _ in range(o.count):
    segments, _, _ = data.conversation(r, r.choice([1, 2, 3]), 3)
    cut = r.choice([i for i, s in enumerate(segments) if s[1] == 1])
    prompts.append(tk.encode("".join(text for text, _ in segments[:cut]), add_special_tokens=False).ids)
lines = "".join(json.dumps({"ids": p, "greedy": o.n}) + "\n" for p in prompts)
ours = subprocess.run([o.qwen4j, "debug", "logits", "-m", o.model], input=lines, stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()
context, same = Context(library(o.llama), o.model, max(map(len, prompts)) + o.n + 64, 2), 0
for p, line in zip(prompts, ours):
    mine, theirs = json.loads(line)["greedy"], []
    context.clear()
    context.decode(p)
    for _ in mine:
        logits = context.logits()
        theirs.append(max(range(len(logits)), key=logits.__getitem__))
        context.decode(theirs[-1:])
    end = mine.index(END) + 1 if END in mine else len(mine)
    same += mine[:end] == theirs[:end]
    if mine[:end] != theirs[:end]:
        at = next(i for i in range(end) if mine[i] != theirs[i])
        print(f"differ at {at}: {tk.decode(mine[:at + 1])!r} / {tk.decode(theirs[:at + 1])!r}")
print(f"{same} of {len(prompts)} continuations the same, up to <|im_end|> or {o.n} tokens")
