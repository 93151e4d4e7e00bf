"""Trains the demo model from scratch on generated conversations; stops and goes on at any time.

train.py FOLDER [--until TOKENS]

FOLDER holds tokenizer.json (made if missing), last.pt (the newest state, written every few minutes), log.txt, and the
process id in train.pid. STAGES says what is learned when, RATES how fast; where the rate has come to zero the training is
over. A running average of the weights (EMA) is what is evaluated and exported.

Everything random comes from SEED and the number of the step, so the same machine makes the same model.
"""
import argparse, bisect, itertools, json, math, os, pathlib, random, signal, sys, time
from statistics import fmean as mean
import torch, torch.nn.functional as F
from tokenizers import Tokenizer
import bpe, data
from model import Model, SHAPE

SEED = 20261122
# What a step is made of: level of the tasks, tokens of a row, rows after each beginning, beginnings.
SAY, ONE, MIXED, LONG = (0, 256, 4, 5), (1, 512, 6, 2), (2, 512, 6, 2), (3, 512, 6, 2)
LOOK, FAR = ("look", 44, 8, 12), ("far", 44, 8, 8)   # eight requests after each of four sets of tools: is there one for it?
# (until so many tokens, the steps that take turns). LONG has the long declarations of real tools, and so has FAR.
STAGES = [
    (600_000, [SAY]), (2_000_000, [ONE]), (10_450_000, [MIXED, LONG, LONG]),
    (13_900_000, [LOOK, LOOK, LONG, LOOK, LOOK, MIXED]), (14_350_000, [LOOK, LONG, FAR, LONG, LOOK, MIXED, FAR, LONG]), (15_050_000, [LONG, LOOK, LONG, MIXED, LONG, FAR]),
    (18_700_000, [LONG, MIXED, LONG]), (20_300_000, [MIXED, LONG, MIXED]), (float("inf"), [LONG, MIXED, LONG])]
# (at so many tokens, share of the learning rates): a line from point to point
RATES = [
    (0, 1), (14_200_000, 1), (14_500_000, 0.74), (15_050_000, 0.01), (15_055_000, 0.5), (15_480_000, 0.01), (15_485_000, 0.6), (15_650_000, 0.4), (15_850_000, 0.01),
    (15_855_000, 0.6), (17_300_000, 0.6), (18_290_000, 0.01), (18_295_000, 0.6), (20_300_000, 0.6), (21_500_000, 0)]
LATE, DRILLED = 18_290_000, .45   # from so many tokens on, only what the model writes is learned, and this share of the tasks is drilled
BEGINNINGS = [64, 256, 448, 704, 1024, 1152]   # tokens: a beginning is padded to the next of these
MUON, ADAM = 0.01, 2e-3      # learning rates of the matrices inside, and of embedding and norms
WARMUP = 60                  # steps
FRAME, SPOKEN, WRITTEN = 0.0, 0.1, 1.0   # weight of a token's loss: of the frame, of users and tools, of the model's own
FRAME_SHOWN = 0.1            # share of conversations whose frame is learned too, with the weight of SPOKEN
AVERAGE = 0.996              # of the running average, each step
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


def encode(tk, segments, show_frame, spoken=SPOKEN):
    """The tokens and their weights. Tokens are those of the whole text, as an agent's prompt is read, not of its segments
    one by one: the line break after a file and the one before </tool_response> are a single token."""
    ids, ends = pieces(tk, segments)
    weight = [WRITTEN if part == 1 else spoken if part == 2 or show_frame else FRAME for _, part in segments]
    return ids, [weight[at] for at in ends]


def pieces(tk, segments):
    """(tokens of the text, the segment in which each of them ends)"""
    e = tk.encode("".join(text for text, _ in segments), add_special_tokens=False)
    bounds = list(itertools.accumulate(len(text) for text, _ in segments))
    return e.ids, [bisect.bisect_left(bounds, end) for _, end in e.offsets]


def batch(tk, step, level, T, n, groups, late=False):
    """(beginnings, their lengths, rows, weights): rows of as many tasks as fit, n after each beginning."""
    r = random.Random(f"{SEED} {step}")
    encoded = {}

    def length(segments):
        for text, _ in segments:
            if text not in encoded:
                encoded[text] = len(tk.encode(text, add_special_tokens=False).ids)
        return sum(encoded[text] for text, _ in segments)

    if level in ("look", "far"):
        texts, segments = [], []
        for _ in range(groups // 4):
            a, b = data.look(r, 4, level == "far", lambda text: length([(text, 2)]) < T - 20)
            texts += a; segments += b
        begun = [tk.encode(head, add_special_tokens=False).ids for head in texts]
        return packed(begun, [encode(tk, s, False) for s in segments], (max(map(len, begun)) + 63) // 64 * 64, T, n)
    begun, H = [], None
    while len(begun) < groups:
        head, tools = data.beginning(r, level)
        ids = tk.encode(head, add_special_tokens=False).ids
        fits = next((b for b in BEGINNINGS if len(ids) <= b), 0)
        H = H or fits   # one that is longer than any is left out
        if fits and fits == H:
            begun.append((ids, tools))
    rows = []
    for _, tools in begun:
        for _ in range(n):
            segments, _ = data.rest(r, level, tools, fits=lambda s: length(s) <= T + 1, drilled=DRILLED if late else 0)
            rows.append(encode(tk, segments, r.random() < FRAME_SHOWN, 0 if late else SPOKEN))
    return packed([ids for ids, _ in begun], rows, H, T, n)


def packed(begun, rows, H, T, n):
    heads, lengths = torch.zeros(len(begun), H, dtype=torch.long), torch.tensor([len(ids) for ids in begun])
    x, w = torch.zeros(len(begun), n, T + 1, dtype=torch.long), torch.zeros(len(begun), n, T + 1)
    for g, head in enumerate(begun):
        heads[g, :len(head)] = torch.tensor(head, dtype=torch.long)
        for i, (ids, weights) in enumerate(rows[g * n:(g + 1) * n]):
            ids, weights = ids[:T + 1], weights[:T + 1]
            x[g, i, :len(ids)], w[g, i, :len(ids)] = torch.tensor(ids), torch.tensor(weights)
    return heads, lengths, x, w


def rate_at(tokens):
    for (a, x), (b, y) in zip(RATES, RATES[1:]):
        if tokens < b:
            return x + (y - x) * (tokens - a) / (b - a)
    return 0


def evaluate(model, tk, level, n, seed=999):
    """Greedy decoding solves a task if every token the model must write is the likeliest: (share, by kind, loss)."""
    r, solved, count, nll, tokens = random.Random(seed), {}, {}, 0, 0
    with torch.no_grad():
        for _ in range(n):
            segments, tasks, _ = data.conversation(r, level, 4)
            ids, ends = pieces(tk, segments)
            begun = list(itertools.accumulate(text == "<|im_start|>user\n" for text, _ in segments))
            mine, task_of = [segments[s][1] == 1 for s in ends], [begun[s] - 1 for s in ends]
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
    a.add_argument("folder", type=pathlib.Path); a.add_argument("--until", type=float, default=float("inf"))
    o = a.parse_args()
    torch.manual_seed(SEED); torch.set_num_threads(2)
    o.folder.mkdir(parents=True, exist_ok=True)
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
    saved, stop = time.time(), []

    def save():
        part = last.with_suffix(".part")
        torch.save(dict(model=model.state_dict(), average=average.state_dict(), muon=muon.state_dict(), adam=adam.state_dict(), step=step, tokens=tokens, seconds=seconds, shape=SHAPE), part)
        os.replace(part, last)

    def log(text):
        line = time.strftime("%H:%M:%S ") + text
        print(line, flush=True)
        with open(o.folder / "log.txt", "a") as f:
            f.write(line + "\n")

    signal.signal(signal.SIGTERM, lambda *_: stop.append(1))
    signal.signal(signal.SIGINT, lambda *_: stop.append(1))
    log(f"parameters {sum(p.numel() for p in model.parameters())}, from step {step}, {tokens / 1e6:.2f} M tokens")
    losses, looks = [], []
    while not stop and tokens < o.until:
        t = time.time()
        steps = next(steps for end, steps in STAGES if tokens < end)
        level, T, n, groups = steps[step % len(steps)]
        rate = min(1, (step + 1) / WARMUP) * rate_at(tokens)
        if rate <= 0:
            break
        for opt, lr in ((muon, MUON), (adam, ADAM)):
            opt.param_groups[0]["lr"] = lr * rate
        heads, lengths, x, w = batch(tk, step, level, T, n, groups, tokens >= LATE)
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
        if level in ("look", "far"):
            looks.append((each[(at & (at.cumsum(-1) == 1))[at]] < math.log(2)).float().mean().item())
        else:
            losses.append(each[w[at] == WRITTEN].mean().item())
        step += 1; tokens += x.numel() + heads.numel(); seconds += time.time() - t
        if step % 10 == 0:
            log(f"step {step} level {level} beginning {heads.shape[1]} {tokens / 1e6:.2f} M tokens {seconds / 60:.1f} min {(x.numel() + heads.numel()) / (time.time() - t):.0f} tok/s rate {rate:.3f} loss {mean(losses[-20:] or [0]):.4f}" + (f", looked {mean(looks[-20:]):.3f}" if looks else ""))
        if step % 300 == 0:
            share, kinds, nll = evaluate(average, tk, 3 if tokens > STAGES[1][0] else level, 60)
            log(f"  solved {share:.3f} (average), loss {nll:.4f}, {kinds}")
        if time.time() - saved > SAVE_EVERY:
            save(); saved = time.time()
    save()
    log(f"stopped at step {step}, {tokens / 1e6:.2f} M tokens")
    if not stop:
        share, kinds, nll = evaluate(average, tk, 3, 200)
        log(f"  solved {share:.3f} (average), loss {nll:.4f}, {kinds}")


if __name__ == "__main__":
    main()
