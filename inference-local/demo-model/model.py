"""Qwen3's transformer in plain PyTorch: RMSNorm before each half, grouped-query attention with normed heads, SwiGLU."""
import math, torch, torch.nn as nn, torch.nn.functional as F

SHAPE = dict(vocab=2048, width=256, layers=4, heads=8, kv_heads=2, head=32, ffn=640, context=4096, theta=10000.0, epsilon=1e-6)


class Norm(nn.Module):
    def __init__(self, n, epsilon):
        super().__init__()
        self.weight, self.epsilon = nn.Parameter(torch.ones(n)), epsilon

    def forward(self, x):
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.epsilon) * self.weight


def turned(x, cos, sin):
    a, b = x.chunk(2, -1)
    return torch.cat((a * cos - b * sin, b * cos + a * sin), -1)


class Layer(nn.Module):
    def __init__(self, s):
        super().__init__()
        d, h = s["width"], s["head"]
        self.s = s
        self.attn_norm, self.ffn_norm = Norm(d, s["epsilon"]), Norm(d, s["epsilon"])
        self.q_norm, self.k_norm = Norm(h, s["epsilon"]), Norm(h, s["epsilon"])
        self.q = nn.Linear(d, s["heads"] * h, bias=False)
        self.k = nn.Linear(d, s["kv_heads"] * h, bias=False)
        self.v = nn.Linear(d, s["kv_heads"] * h, bias=False)
        self.o = nn.Linear(s["heads"] * h, d, bias=False)
        self.gate = nn.Linear(d, s["ffn"], bias=False)
        self.up = nn.Linear(d, s["ffn"], bias=False)
        self.down = nn.Linear(s["ffn"], d, bias=False)

    def heads(self, n, cos, sin):
        """Queries, keys and values of normed rows, each (rows, heads, tokens, head)."""
        s, (B, T, _) = self.s, n.shape
        q = turned(self.q_norm(self.q(n).view(B, T, s["heads"], s["head"])).transpose(1, 2), cos, sin)
        k = turned(self.k_norm(self.k(n).view(B, T, s["kv_heads"], s["head"])).transpose(1, 2), cos, sin)
        return q, k, self.v(n).view(B, T, s["kv_heads"], s["head"]).transpose(1, 2)

    def onward(self, x, q, k, v, mask=None):
        group = self.s["heads"] // self.s["kv_heads"]
        a = F.scaled_dot_product_attention(q, k.repeat_interleave(group, 1), v.repeat_interleave(group, 1), attn_mask=mask, is_causal=mask is None)
        x = x + self.o(a.transpose(1, 2).reshape(x.shape[0], x.shape[1], -1))
        n = self.ffn_norm(x)
        return x + self.down(F.silu(self.gate(n)) * self.up(n))

    def forward(self, x, cos, sin):
        return self.onward(x, *self.heads(self.attn_norm(x), cos, sin))


class Model(nn.Module):
    def __init__(self, shape=SHAPE):
        super().__init__()
        self.s = s = dict(shape)
        self.embedding = nn.Embedding(s["vocab"], s["width"])
        self.layers = nn.ModuleList(Layer(s) for _ in range(s["layers"]))
        self.norm = Norm(s["width"], s["epsilon"])
        angle = torch.arange(s["context"])[:, None] * s["theta"] ** (-torch.arange(0, s["head"], 2) / s["head"])
        self.register_buffer("cos", angle.cos(), persistent=False)
        self.register_buffer("sin", angle.sin(), persistent=False)
        for name, p in self.named_parameters():
            if p.dim() == 2:
                nn.init.normal_(p, std=.02 / (math.sqrt(2 * s["layers"]) if name.endswith(("o.weight", "down.weight")) else 1))

    def hidden(self, ids):
        x, T = self.embedding(ids), ids.shape[1]
        cos, sin = self.cos[:T], self.sin[:T]
        for layer in self.layers:
            x = layer(x, cos, sin)
        return self.norm(x)

    def hidden_after(self, heads, lengths, rows):
        """As hidden, for rows that go on after the same beginning: heads (groups, H) padded at the end, of the lengths
        (groups), rows (groups, n, T). A beginning is worked out once, however many rows follow it: (groups * n, T, width)."""
        (G, H), (_, n, T) = heads.shape, rows.shape
        x, y = self.embedding(heads), self.embedding(rows.view(G * n, T))
        at = (lengths[:, None] + torch.arange(T)).repeat_interleave(n, 0)
        hcos, hsin, cos, sin = self.cos[:H], self.sin[:H], self.cos[at][:, None], self.sin[at][:, None]
        before = (torch.arange(H) < lengths[:, None]).repeat_interleave(n, 0)[:, None, None, :].expand(G * n, 1, T, H)
        mask = torch.cat((before, torch.ones(T, T, dtype=torch.bool).tril().expand(G * n, 1, T, T)), -1)
        for i, layer in enumerate(self.layers):
            hq, hk, hv = layer.heads(layer.attn_norm(x), hcos, hsin)
            q, k, v = layer.heads(layer.attn_norm(y), cos, sin)
            y = layer.onward(y, q, torch.cat((hk.repeat_interleave(n, 0), k), 2), torch.cat((hv.repeat_interleave(n, 0), v), 2), mask)
            if i + 1 < len(self.layers):
                x = layer.onward(x, hq, hk, hv)
        return self.norm(y)

    def logits(self, hidden):
        return hidden @ self.embedding.weight.T
