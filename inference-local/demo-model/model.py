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

    def forward(self, x, cos, sin):
        s, (B, T, _) = self.s, x.shape
        n = self.attn_norm(x)
        q = turned(self.q_norm(self.q(n).view(B, T, s["heads"], s["head"])).transpose(1, 2), cos, sin)
        k = turned(self.k_norm(self.k(n).view(B, T, s["kv_heads"], s["head"])).transpose(1, 2), cos, sin)
        v = self.v(n).view(B, T, s["kv_heads"], s["head"]).transpose(1, 2)
        group = s["heads"] // s["kv_heads"]
        a = F.scaled_dot_product_attention(q, k.repeat_interleave(group, 1), v.repeat_interleave(group, 1), is_causal=True)
        x = x + self.o(a.transpose(1, 2).reshape(B, T, -1))
        n = self.ffn_norm(x)
        return x + self.down(F.silu(self.gate(n)) * self.up(n))


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

    def logits(self, hidden):
        return hidden @ self.embedding.weight.T
