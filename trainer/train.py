"""Trains a small GPT within the budget and prints its val_bpb: `python trainer/train.py`.

This is the file that is searched. It runs on a GPU and on a CPU; a constant that depends on the
hardware has a value for each. What it is scored by stands in prepare.py, which stays as it is.
"""

import math
import sys
import time

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from prepare import DEVICE, VOCABULARY, batches, by_profile, report, start

# Model
DEPTH = by_profile(cpu=4, gpu=8)
WIDTH = by_profile(cpu=64, gpu=512)
HEAD_WIDTH = by_profile(cpu=32, gpu=128)
CONTEXT = by_profile(cpu=128, gpu=2048)
MLP_RATIO = 4
WINDOW_PATTERN = "SSSL"  # a layer each, repeated: S sees half of the context, L all of it
VALUE_EMBEDDINGS = True
SOFTCAP = 15.0
ROTARY_BASE = 10000.0

# Optimisation
BATCH_TOKENS = by_profile(cpu=1024, gpu=524288)
DEVICE_ROWS = by_profile(cpu=256, gpu=128)  # rows of a batch that fit into memory at once
MATRIX_LR = 0.04
EMBEDDING_LR = 0.6
UNEMBEDDING_LR = 0.004
SCALAR_LR = 0.5
WEIGHT_DECAY = 0.2
ADAM_BETA1 = 0.8
ADAM_BETA2 = 0.95
MUON_MOMENTUM = 0.95
MUON_BETA2 = 0.95
WARMUP_RATIO = 0.0
WARMDOWN_RATIO = 0.5
FINAL_LR_SHARE = 0.0


def norm(x: Tensor) -> Tensor:
    """Root-mean-square norm without weights (arXiv:1910.07467)."""
    return F.rms_norm(x, (x.size(-1),))


def rotary_tables(context: int, width: int) -> tuple[Tensor, Tensor]:
    """Cosines and sines of rotary position embeddings (arXiv:2104.09864); (context, width / 2)."""
    frequencies = ROTARY_BASE ** (-torch.arange(0, width, 2).float() / width)
    angles = torch.outer(torch.arange(context).float(), frequencies)
    return angles.cos(), angles.sin()


def rotate(x: Tensor, cosines: Tensor, sines: Tensor) -> Tensor:
    """Rotate pairs of channels by their position; x is (rows, heads, context, width)."""
    a, b = x.chunk(2, dim=-1)
    cosines, sines = cosines.to(x.dtype), sines.to(x.dtype)
    return torch.cat((a * cosines + b * sines, b * cosines - a * sines), dim=-1)


class Attention(nn.Module):
    """Causal attention with normed queries and keys (arXiv:2010.04245) and value embeddings."""

    def __init__(self, window: int, has_values: bool) -> None:
        super().__init__()
        self.heads = WIDTH // HEAD_WIDTH
        self.window = window
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH, bias=False)
        self.out = nn.Linear(WIDTH, WIDTH, bias=False)
        # Value residuals, gated by head (arXiv:2410.17897).
        self.gate = nn.Linear(min(32, WIDTH), self.heads, bias=False) if has_values else None
        distance = torch.arange(CONTEXT)[:, None] - torch.arange(CONTEXT)[None, :]
        self.register_buffer("mask", (distance >= 0) & (distance < window), persistent=False)

    def forward(self, x: Tensor, values: Tensor | None, tables: tuple[Tensor, Tensor]) -> Tensor:
        rows, length, _ = x.shape
        q, k, v = self.qkv(x).view(rows, length, 3, self.heads, HEAD_WIDTH).unbind(2)
        if self.gate is not None and values is not None:
            gate = 2 * torch.sigmoid(self.gate(x[..., : self.gate.in_features]))
            v = v + gate.unsqueeze(-1) * values.view(rows, length, self.heads, HEAD_WIDTH)
        q, k, v = (part.transpose(1, 2) for part in (q, k, v))
        q, k = norm(rotate(q, *tables)), norm(rotate(k, *tables))
        if self.window >= length:
            y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        else:
            mask = self.mask[:length, :length]
            y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        return self.out(y.transpose(1, 2).reshape(rows, length, WIDTH))


class MLP(nn.Module):
    """Two layers around a squared ReLU (arXiv:2109.08668)."""

    def __init__(self) -> None:
        super().__init__()
        self.up = nn.Linear(WIDTH, int(MLP_RATIO * WIDTH), bias=False)
        self.out = nn.Linear(int(MLP_RATIO * WIDTH), WIDTH, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(F.relu(self.up(x)).square())


class GPT(nn.Module):
    """The model; `forward(inputs, targets)` gives the loss of each token in nats."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, WIDTH)
        self.attentions = nn.ModuleList()
        self.mlps = nn.ModuleList()
        self.value_embeddings = nn.ModuleDict()
        for layer in range(DEPTH):
            is_short = WINDOW_PATTERN[layer % len(WINDOW_PATTERN)] == "S" and layer < DEPTH - 1
            has_values = VALUE_EMBEDDINGS and layer % 2 == (DEPTH - 1) % 2
            self.attentions.append(Attention(CONTEXT // 2 if is_short else CONTEXT, has_values))
            self.mlps.append(MLP())
            if has_values:
                self.value_embeddings[str(layer)] = nn.Embedding(VOCABULARY, WIDTH)
        self.head = nn.Linear(WIDTH, VOCABULARY, bias=False)
        # Each layer starts from its own mix of the stream and of the embedding.
        self.stream_scales = nn.Parameter(torch.ones(DEPTH))
        self.start_scales = nn.Parameter(torch.full((DEPTH,), 0.1))
        for name, table in zip(
            ("cosines", "sines"), rotary_tables(CONTEXT, HEAD_WIDTH), strict=True
        ):
            self.register_buffer(name, table, persistent=False)
        self.init_weights()

    @torch.no_grad()
    def init_weights(self) -> None:
        """Matrices uniform at 1 / sqrt(width); what writes into the stream starts at zero."""
        nn.init.normal_(self.embedding.weight, std=1.0)
        nn.init.normal_(self.head.weight, std=0.001)
        bound = math.sqrt(3 / WIDTH)
        for attention, mlp in zip(self.attentions, self.mlps, strict=True):
            nn.init.uniform_(attention.qkv.weight, -bound, bound)
            nn.init.uniform_(mlp.up.weight, -bound, bound)
            nn.init.zeros_(attention.out.weight)
            nn.init.zeros_(mlp.out.weight)
            if attention.gate is not None:
                nn.init.zeros_(attention.gate.weight)
        for table in self.value_embeddings.values():
            nn.init.uniform_(table.weight, -bound, bound)

    def logits(self, inputs: Tensor) -> Tensor:
        """Softcapped logits (arXiv:2408.00118), (rows, context, VOCABULARY)."""
        length = inputs.size(1)
        tables = self.cosines[:length], self.sines[:length]
        x = first = norm(self.embedding(inputs))
        for layer, (attention, mlp) in enumerate(zip(self.attentions, self.mlps, strict=True)):
            x = self.stream_scales[layer] * x + self.start_scales[layer] * first
            table = self.value_embeddings[str(layer)] if attention.gate is not None else None
            values = table(inputs) if table is not None else None
            x = x + attention(norm(x), values, tables)
            x = x + mlp(norm(x))
        logits = self.head(norm(x)).float()
        return SOFTCAP * torch.tanh(logits / SOFTCAP) if SOFTCAP > 0 else logits

    def forward(self, inputs: Tensor, targets: Tensor) -> Tensor:
        logits = self.logits(inputs)
        losses = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none")
        return losses.view_as(targets)


# The Polar Express (arXiv:2505.16932): polynomials that take singular values to one.
POLYNOMIALS = (
    (8.156554524902461, -22.48329292557795, 15.878769915207462),
    (4.042929935166739, -2.808917465908714, 0.5000178451051316),
    (3.8916678022926607, -2.772484153217685, 0.5060648178503393),
    (3.285753657755655, -2.3681294933425376, 0.46449024233003106),
    (2.3465413258596377, -1.7097828382687081, 0.42323551169305323),
)


def orthogonalise(x: Tensor) -> Tensor:
    """The nearest matrices with orthonormal rows or columns, roughly; x is (n, rows, columns)."""
    x = x.bfloat16() if x.is_cuda else x
    x = x / (x.norm(dim=(-2, -1), keepdim=True) * 1.02 + 1e-6)
    is_tall = x.size(-2) > x.size(-1)
    for a, b, c in POLYNOMIALS:
        gram = x.mT @ x if is_tall else x @ x.mT
        mixed = b * gram + c * (gram @ gram)
        x = a * x + (x @ mixed if is_tall else mixed @ x)
    return x


class Muon(torch.optim.Optimizer):
    """Momentum, orthogonalised (Muon, kellerjordan.github.io/posts/muon).

    With the variance reduction of NorMuon (arXiv:2510.05491) and cautious weight decay
    (arXiv:2510.12402). Matrices of one shape are handled together.
    """

    def __init__(self, matrices: list[nn.Parameter]) -> None:
        shapes = sorted({tuple(matrix.shape) for matrix in matrices})
        groups = [{"params": [m for m in matrices if tuple(m.shape) == s]} for s in shapes]
        super().__init__(groups, {"lr": MATRIX_LR, "weight_decay": WEIGHT_DECAY})

    @torch.no_grad()
    def step(self) -> None:
        """Update every matrix; the gradients must be there."""
        for group in self.param_groups:
            matrices = group["params"]
            gradient = torch.stack([matrix.grad for matrix in matrices])
            weights = torch.stack(matrices)
            state = self.state[matrices[0]]
            if not state:
                state["momentum"] = torch.zeros_like(gradient)
                state["variance"] = torch.zeros_like(gradient[..., :1])
            state["momentum"].lerp_(gradient, 1 - MUON_MOMENTUM)
            update = orthogonalise(gradient.lerp(state["momentum"], MUON_MOMENTUM)).float()
            update = self._even_out(update, state["variance"])
            scale = max(1.0, weights.size(-2) / weights.size(-1)) ** 0.5
            agrees = update * weights > 0
            decay = group["weight_decay"] * weights * agrees
            weights -= group["lr"] * (scale * update + decay)
            torch._foreach_copy_(matrices, list(weights.unbind(0)))

    @staticmethod
    def _even_out(update: Tensor, variance: Tensor) -> Tensor:
        """Give each row the same size over time, and the whole the size that it had."""
        variance.lerp_(update.square().mean(dim=-1, keepdim=True), 1 - MUON_BETA2)
        evened = update * (variance + 1e-10).rsqrt()
        before = update.norm(dim=(-2, -1), keepdim=True)
        return evened * (before / (evened.norm(dim=(-2, -1), keepdim=True) + 1e-10))


def make_optimisers(model: GPT) -> list[torch.optim.Optimizer]:
    """Muon for the matrices of the layers, AdamW for the rest."""
    matrices = [p for m in (model.attentions, model.mlps) for p in m.parameters()]
    embeddings = [model.embedding.weight, *model.value_embeddings.parameters()]
    # Learning rates were found at a width of 768.
    scale = (WIDTH / 768) ** -0.5
    groups = [
        {"params": embeddings, "lr": EMBEDDING_LR * scale},
        {"params": [model.head.weight], "lr": UNEMBEDDING_LR * scale},
        {"params": [model.stream_scales], "lr": SCALAR_LR * 0.01},
        {"params": [model.start_scales], "lr": SCALAR_LR},
    ]
    betas = (ADAM_BETA1, ADAM_BETA2)
    adam = torch.optim.AdamW(
        groups, betas=betas, eps=1e-10, weight_decay=0.0, fused=DEVICE.type == "cuda"
    )
    optimisers = [Muon(matrices), adam]
    for optimiser in optimisers:
        for group in optimiser.param_groups:
            group["initial_lr"] = group["lr"]
    return optimisers


def lr_share(fraction: float) -> float:
    """Share of the learning rate at a share of the budget: warm-up, plateau, warm-down."""
    if fraction < WARMUP_RATIO:
        return fraction / WARMUP_RATIO
    if fraction <= 1 - WARMDOWN_RATIO:
        return 1.0
    left = (1 - fraction) / WARMDOWN_RATIO
    return left + (1 - left) * FINAL_LR_SHARE


def check_constants() -> tuple[int, int]:
    """Rows of a batch and of a micro-batch; ends the run where the constants do not fit."""
    problems = {
        "DEPTH, WIDTH, HEAD_WIDTH and CONTEXT must be at least 1": min(
            DEPTH, WIDTH, HEAD_WIDTH, CONTEXT
        )
        < 1,
        "WIDTH must be a multiple of HEAD_WIDTH": HEAD_WIDTH > 0 and WIDTH % HEAD_WIDTH != 0,
        "HEAD_WIDTH must be even": HEAD_WIDTH % 2 != 0,
        "BATCH_TOKENS must be a multiple of CONTEXT": CONTEXT > 0
        and (BATCH_TOKENS < CONTEXT or BATCH_TOKENS % CONTEXT != 0),
        "WINDOW_PATTERN must consist of S and L": not WINDOW_PATTERN
        or set(WINDOW_PATTERN) - {"S", "L"} != set(),
    }
    for problem, is_there in problems.items():
        if is_there:
            sys.exit(f"FAIL: {problem}")
    rows = BATCH_TOKENS // CONTEXT
    micro = min(rows, DEVICE_ROWS)
    if rows % micro:
        sys.exit("FAIL: the rows of a batch must be a multiple of DEVICE_ROWS")
    return rows, micro


def main() -> None:
    """Train until the budget is spent, then report."""
    rows, micro = check_constants()
    budget = start()
    model = GPT().to(DEVICE)
    optimisers = make_optimisers(model)
    is_cuda = DEVICE.type == "cuda"
    run = torch.compile(model, dynamic=False) if is_cuda else model
    print(f"attention: SDPA, pattern {WINDOW_PATTERN}; {'compiled, bf16' if is_cuda else 'eager'}")
    loader = batches(micro, CONTEXT)
    smooth, shown_at = 0.0, 0.0
    while not budget.is_spent:
        begun = time.perf_counter()
        share = lr_share(budget.fraction)
        with budget.step():
            loss = 0.0
            for _ in range(rows // micro):
                with torch.autocast(DEVICE.type, torch.bfloat16, enabled=is_cuda):
                    part = run(*next(loader)).mean() * micro / rows
                part.backward()
                loss += part.item()
            for optimiser in optimisers:
                for group in optimiser.param_groups:
                    group["lr"] = group["initial_lr"] * share
                optimiser.step()
                optimiser.zero_grad(set_to_none=True)
        if not loss < 100:
            sys.exit(f"FAIL: the loss is {loss} at step {budget.steps}")
        smooth = 0.9 * smooth + 0.1 * loss
        now = time.perf_counter()
        if now - shown_at > 0.25 or budget.is_spent:
            shown_at = now
            mean = smooth / (1 - 0.9**budget.steps)
            rate = int(BATCH_TOKENS / (now - begun))
            print(
                f"step {budget.steps:05d} ({100 * budget.fraction:.1f}%) | loss: {mean:.6f} | "
                f"lrm: {share:.2f} | dt: {1000 * (now - begun):.0f}ms | tok/sec: {rate:,} | "
                f"remaining: {budget.remaining:.0f}s    ",
                end="\r",
                flush=True,
            )
    report(model, budget, context=CONTEXT, rows=rows, depth=DEPTH)


if __name__ == "__main__":
    main()
