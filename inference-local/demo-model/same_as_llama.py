"""Compares greedy continuations of generated prompts: qwen4j's engine beside llama.cpp, token by token.

same_as_llama.py MODEL.gguf tokenizer.json [--lib LLAMA_CPP_LIBRARIES] [--count 20] [--n 40]      (see ../../bench/llama_cpp_bench.py)
"""
import argparse, json, pathlib, random, subprocess, sys
from tokenizers import Tokenizer
import data

HERE = pathlib.Path(__file__).resolve().parent
a = argparse.ArgumentParser()
a.add_argument("model"); a.add_argument("tokenizer"); a.add_argument("--lib"); a.add_argument("--count", type=int, default=20); a.add_argument("--n", type=int, default=40)
o = a.parse_args()
tk, r, prompts = Tokenizer.from_file(o.tokenizer), random.Random("llama"), []
for _ in range(o.count):
    segments, _, _ = data.conversation(r, r.choice([1, 2, 3]), 3)
    cut = r.choice([i for i, s in enumerate(segments) if s[1] == 1])
    prompts.append([i for text, _ in segments[:cut] for i in tk.encode(text, add_special_tokens=False).ids])
lines = "".join(json.dumps({"ids": p, "greedy": o.n}) + "\n" for p in prompts)
ours = subprocess.run([str(HERE / "../../qwen4j"), "debug", "logits", "-m", o.model], input=lines, capture_output=True, text=True, check=True).stdout.splitlines()
same = 0
for p, line in zip(prompts, ours):
    mine = json.loads(line)["greedy"]
    command = [sys.executable, str(HERE / "../../bench/llama_cpp_bench.py"), o.model, "--greedy", ",".join(map(str, p)), "--n", str(o.n)] + (["--lib", o.lib] if o.lib else [])
    theirs = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)["greedy"]
    end = mine.index(2) + 1 if 2 in mine else len(mine)       # what follows <|im_end|> is of no use
    equal = mine[:end] == theirs[:end]
    same += equal
    if not equal:
        at = next(i for i in range(end) if mine[i] != theirs[i])
        print(f"differ at {at}: {tk.decode(mine[:at + 1])!r} / {tk.decode(theirs[:at + 1])!r}")
print(f"{same} of {len(prompts)} continuations the same, up to <|im_end|> or {o.n} tokens")
