"""Trains the demo model from scratch on generated conversations; stops and goes on at any time.

train.py FOLDER [--until TOKENS] [--anneal TOKENS [--rate SHARE]]

FOLDER holds tokenizer.json (made if missing), last.pt (the newest state, written every few minutes), log.txt, and the
process id in train.pid. The learning rate stays constant, so that training can go on for as long as there is time; a
running average of the weights (EMA) is what is evaluated and exported. --anneal lets the rate fall to zero over so many
tokens, from SHARE of what it was, and writes annealed.pt beside last.pt, which stays.

Everything random comes from SEED and the number of the step, so the same machine makes the same model.
"""
import argparse, json, os, pathlib, random, signal, sys, time
import torch, torch.nn.functional as F
from tokenizers import Tokenizer
import bpe, data
from model import Model, SHAPE

SEED = 20261122
# (until so many tokens, level of the tasks, tokens of a row, rows after each beginning, beginnings)
CURRICULUM = [(600_000, 0, 256, 4, 5), (2_000_000, 1, 512, 6, 2), (float("inf"), 2, 512, 6, 2)]
LONG, LONG_LEVEL = 3, 3      # from level 2 on, all but every third step has the long declarations of real tools
BEGINNINGS = [64, 448, 704, 1024]   # tokens: a beginning is padded to the next of these
MUON, ADAM = 0.01, 2e-3      # learning rates of the matrices inside, and of embedding and norms
WARMUP = 60                  # steps
FRAME, SPOKEN, WRITTEN = 0.0, 0.1, 1.0   # weight of a token's loss: of the frame, of users and tools, of the model's own
FRAME_SHOWN = 0.1            # share of conversations whose frame is learned too, with the weight of SPOKEN
AVERAGE = 0.99
SAVE_EVERY = 180             # seconds


def orthogonal(g):
    """Newton-Schulz: the nearest matrix whose singular values are about 1. Batched."""
    x = g / (g.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    tall = x.size(-2) > x.size(-1)
    if tall:
        x = x.mT
    for _ in range(5):
        a = x @ x.mT
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
    return x.mT if tall else x


class Muon(torch.optim.Optimizer):
    """Momentum made orthogonal (Jordan 2024), matrices of one shape at a time."""

    def __init__(self, params, lr):
        super().__init__(params, dict(lr=lr, momentum=.95, decay=.01))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            shapes = {}
            for p in group["params"]:
                shapes.setdefault(p.shape, []).append(p)
            for shape, ps in shapes.items():
                gs = []
                for p in ps:
                    m = self.state[p].setdefault("m", torch.zeros_like(p))
                    m.mul_(group["momentum"]).add_(p.grad)
                    gs.append(p.grad + group["momentum"] * m)
                o = orthogonal(torch.stack(gs)) * max(1, shape[0] / shape[1]) ** .5
                for p, u in zip(ps, o):
                    p.mul_(1 - group["lr"] * group["decay"]).add_(u, alpha=-group["lr"])


def encode(tk, segments, show_frame):
    ids, weights = [], []
    for text, part in segments:
        e = tk.encode(text, add_special_tokens=False).ids
        ids += e
        weights += [WRITTEN if part == 1 else SPOKEN if part == 2 or show_frame else FRAME] * len(e)
    return ids, weights


def batch(tk, step, level, T, n, groups):
    """(beginnings, their lengths, rows, weights): rows of as many tasks as fit, n after each beginning."""
    r = random.Random(f"{SEED} {step}")
    encoded = {}

    def length(segments):
        for text, _ in segments:
            if text not in encoded:
                encoded[text] = len(tk.encode(text, add_special_tokens=False).ids)
        return sum(encoded[text] for text, _ in segments)

    begun, H = [], None
    while len(begun) < groups:
        head, tools = data.beginning(r, level)
        ids = tk.encode(head, add_special_tokens=False).ids
        fits = next(b for b in BEGINNINGS if len(ids) <= b)
        H = H or fits
        if fits == H:
            begun.append((ids, tools))
    heads, lengths = torch.zeros(groups, H, dtype=torch.long), torch.tensor([len(ids) for ids, _ in begun])
    x, w = torch.zeros(groups, n, T + 1, dtype=torch.long), torch.zeros(groups, n, T + 1)
    for g, (head, tools) in enumerate(begun):
        heads[g, :len(head)] = torch.tensor(head, dtype=torch.long)
        for i in range(n):
            segments, _ = data.rest(r, level, tools, fits=lambda s: length(s) <= T + 1)
            ids, weights = encode(tk, segments, r.random() < FRAME_SHOWN)
            ids, weights = ids[:T + 1], weights[:T + 1]
            x[g, i, :len(ids)], w[g, i, :len(ids)] = torch.tensor(ids), torch.tensor(weights)
    return heads, lengths, x, w


def evaluate(model, tk, level, n, seed=999):
    """Greedy decoding solves a task if every token the model must write is the likeliest: (share, by kind, loss)."""
    r, solved, count, nll, tokens, turns, right = random.Random(seed), {}, {}, 0, 0, 0, 0
    with torch.no_grad():
        for _ in range(n):
            segments, tasks, _ = data.conversation(r, level, 4)
            ids, mine, task_of, t = [], [], [], -1
            for text, part in segments:
                e = tk.encode(text, add_special_tokens=False).ids
                t += text == "<|im_start|>user\n"
                ids += e; mine += [part == 1] * len(e); task_of += [t] * len(e)
            h = model.hidden(torch.tensor([ids[:-1]]))[0]
            at = torch.tensor([i for i in range(len(ids) - 1) if mine[i + 1]])
            logits, y = model.logits(h[at]), torch.tensor(ids)[at + 1]
            nll += F.cross_entropy(logits, y, reduction="sum").item(); tokens += len(at)
            good = (logits.argmax(-1) == y).tolist()
            wrong = {task_of[i + 1] for i, g in zip(at.tolist(), good) if not g}
            for j in sorted({task_of[i + 1] for i in at.tolist()}):
                kind = tasks[j].kind
                count[kind] = count.get(kind, 0) + 1; solved[kind] = solved.get(kind, 0) + (j not in wrong)
    return sum(solved.values()) / sum(count.values()), {k: f"{solved[k]}/{count[k]}" for k in sorted(count)}, nll / tokens


def main():
    a = argparse.ArgumentParser()
    a.add_argument("folder", type=pathlib.Path); a.add_argument("--until", type=float, default=float("inf")); a.add_argument("--anneal", type=float, default=0); a.add_argument("--rate", type=float, default=1)
    o = a.parse_args()
    torch.manual_seed(SEED); torch.set_num_threads(2)
    o.folder.mkdir(parents=True, exist_ok=True)
    if not o.anneal:
        (o.folder / "train.pid").write_text(str(os.getpid()))
    if not (o.folder / "tokenizer.json").exists():
        bpe.train().save(str(o.folder / "tokenizer.json"))
    tk = Tokenizer.from_file(str(o.folder / "tokenizer.json"))
    model, average = Model(), Model()
    average.load_state_dict(model.state_dict())
    inside = [p for n, p in model.named_parameters() if p.dim() == 2 and "embedding" not in n]
    rest = [p for n, p in model.named_parameters() if p.dim() < 2 or "embedding" in n]
    muon, adam = Muon(inside, MUON), torch.optim.AdamW(rest, lr=ADAM, betas=(.9, .98), weight_decay=.01)
    step = tokens = 0
    seconds = 0.0
    last = o.folder / "last.pt"
    if last.exists():
        s = torch.load(last)
        model.load_state_dict(s["model"]); average.load_state_dict(s["average"]); muon.load_state_dict(s["muon"]); adam.load_state_dict(s["adam"])
        step, tokens, seconds = s["step"], s["tokens"], s["seconds"]
    begun, saved, stop = tokens, time.time(), []
    out = o.folder / "annealed.pt" if o.anneal else last

    def save():
        part = out.with_suffix(".part")
        torch.save(dict(model=model.state_dict(), average=average.state_dict(), muon=muon.state_dict(), adam=adam.state_dict(), step=step, tokens=tokens, seconds=seconds, shape=SHAPE), part)
        os.replace(part, out)

    def log(text):
        line = time.strftime("%H:%M:%S ") + text
        print(line, flush=True)
        with open(o.folder / "log.txt", "a") as f:
            f.write(line + "\n")

    signal.signal(signal.SIGTERM, lambda *_: stop.append(1))
    signal.signal(signal.SIGINT, lambda *_: stop.append(1))
    log(f"parameters {sum(p.numel() for p in model.parameters())}, from step {step}, {tokens / 1e6:.2f} M tokens")
    losses = []
    while not stop and tokens < o.until:
        t = time.time()
        _, level, T, n, groups = next(c for c in CURRICULUM if tokens < c[0])
        if level == 2 and step % LONG:
            level = LONG_LEVEL
        rate = min(1, (step + 1) / WARMUP)
        if o.anneal:
            rate = o.rate * (1 - (tokens - begun) / o.anneal)
            if rate <= 0:
                break
        for opt, lr in ((muon, MUON), (adam, ADAM)):
            opt.param_groups[0]["lr"] = lr * rate
        heads, lengths, x, w = batch(tk, step + (10 ** 9 if o.anneal else 0), level, T, n, groups)
        y, w = x[..., 1:].reshape(-1, T), w[..., 1:].reshape(-1, T)
        at = w > 0
        h = model.hidden_after(heads, lengths, x[..., :-1].contiguous())[at]
        each = F.cross_entropy(model.logits(h), y[at], reduction="none")
        loss = (each * w[at]).sum() / w.sum()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        muon.step(); adam.step(); model.zero_grad(set_to_none=True)
        with torch.no_grad():
            decay = min(AVERAGE, (step + 1) / (step + 10))
            for p, q in zip(average.parameters(), model.parameters()):
                p.lerp_(q, 1 - decay)
        losses.append(each[w[at] == WRITTEN].mean().item())
        step += 1; tokens += x.numel() + heads.numel(); seconds += time.time() - t
        if step % 20 == 0:
            log(f"step {step} level {level} beginning {heads.shape[1]} {tokens / 1e6:.2f} M tokens {seconds / 60:.1f} min {(x.numel() + heads.numel()) / (time.time() - t):.0f} tok/s loss {sum(losses[-20:]) / len(losses[-20:]):.4f}")
        if step % 150 == 0:
            share, kinds, nll = evaluate(average, tk, 3 if level == 2 else level, 60)
            log(f"  solved {share:.3f} (average), loss {nll:.4f}, {kinds}")
        if time.time() - saved > SAVE_EVERY:
            save(); saved = time.time()
    save()
    share, kinds, nll = evaluate(average, tk, 3, 100)
    log(f"stopped at step {step}, {tokens / 1e6:.2f} M tokens; solved {share:.3f}, loss {nll:.4f}, {kinds}")


if __name__ == "__main__":
    main()
