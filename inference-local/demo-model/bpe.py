"""A byte-level BPE that copies well: digits alone, letters merged apart from the space or sign before them.

Qwen's pre-tokenizer lets " notes" and "/notes" be one piece each. Were merges learned across that edge, the same word
would be cut differently behind a space, a slash and a quote, and copying would have to translate. So merges are learned
on letters alone; a space joins only whole words of the fixed texts, in merges that come last.
"""
import collections, json, pathlib, random
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
import data
from words import *

SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<think>", "</think>", "<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>"]
SIZE, SPACED = 2048, 420
QWEN2 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
LETTERS_APART = r"\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"


def splitter(pattern):
    return pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(pattern), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])


def train(seed=11):
    r = random.Random(seed)
    corpus, spaced = [], collections.Counter()
    for _ in range(6000):
        segments, _, _ = data.conversation(r, r.choice([1, 2, 2]))
        for text, part in segments:
            for s in SPECIAL:
                text = text.replace(s, "\n")
            corpus.append(text)
            spaced.update(w.strip() for w in __import__("re").findall(r" [A-Za-z]+", text))
    first = Tokenizer(models.BPE())
    first.pre_tokenizer = splitter(LETTERS_APART)
    first.train_from_iterator(corpus, trainers.BpeTrainer(vocab_size=SIZE - SPACED - len(SPECIAL), show_progress=False, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    model = json.loads(first.to_str())["model"]
    merges = [tuple(m) if isinstance(m, list) else tuple(m.split(" ")) for m in model["merges"]]
    tokens = [t for t, _ in sorted(model["vocab"].items(), key=lambda e: e[1])]
    known = set(tokens)
    for w, _ in spaced.most_common():
        if len(tokens) + len(SPECIAL) == SIZE:
            break
        if w in known and "Ġ" + w not in known:
            merges.append(("Ġ", w)); tokens.append("Ġ" + w); known.add("Ġ" + w)
    vocab = {t: i for i, t in enumerate(SPECIAL + tokens)}
    tk = Tokenizer(models.BPE(vocab=vocab, merges=merges))
    tk.pre_tokenizer = splitter(QWEN2)
    tk.decoder = decoders.ByteLevel()
    tk.add_special_tokens(SPECIAL)
    assert tk.get_vocab_size() == SIZE, tk.get_vocab_size()
    return tk


if __name__ == "__main__":
    import sys
    train().save(sys.argv[1])
