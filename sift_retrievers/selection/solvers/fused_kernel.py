"""One query's whole selection on a GPU: the rules of `reference` in Triton.

One program solves one query. c, v and σ² stay on the chip from the first pick to the last. So do
the rows of the factor where they fit; otherwise they go through scratch memory, as the inner
products of each pass over the candidates do. Candidates and targets may be float32, bfloat16 or
float16; all sums are float32, by multiplication and addition and not in TF32. Candidates are read
where they are, through `ids` if there are any, and not copied. A pick costs one pass over the K × d
numbers of the candidates.
"""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def select_kernel(
    x,
    q,
    ids,
    weights,
    costs,
    budgets,
    prior,
    work,
    rows,
    indices,
    gains,
    variances,
    count,
    dim,
    steps,
    k,
    stride_b,
    stride_k,
    noise,
    beta,
    radius,
    error,
    rounding,
    epsilon,
    M: tl.constexpr,
    M_PAD: tl.constexpr,
    BLOCK_K: tl.constexpr,
    TILE_K: tl.constexpr,
    BLOCK_D: tl.constexpr,
    BLOCK_N: tl.constexpr,
    EXPONENTIAL: tl.constexpr,
    SHARED_NOISE: tl.constexpr,
    NORMALIZED: tl.constexpr,
    HAS_IDS: tl.constexpr,
    HAS_R: tl.constexpr,
    HAS_COSTS: tl.constexpr,
    HAS_BUDGET: tl.constexpr,
    POSITIVE_ONLY: tl.constexpr,
    REPLACEMENT: tl.constexpr,
    UNDIRECTED: tl.constexpr,
    ROWS_ON_CHIP: tl.constexpr,
):
    """The picks of query `program_id(0)`; `fused.select_fused` says what the arguments are."""
    b = tl.program_id(0).to(tl.int64)
    pool = x + b * stride_b
    scratch = work + b * (1 + M) * count
    j = tl.arange(0, BLOCK_K)
    t = tl.arange(0, M_PAD)
    inside = j < count

    # First pass: squared lengths and products with the targets, tile by tile through scratch.
    for start in range(0, count, TILE_K):
        tile = start + tl.arange(0, TILE_K)
        valid = tile < count
        row = tile.to(tl.int64)
        if HAS_IDS:
            row = tl.load(ids + b * count + tile, mask=valid, other=-1)
            valid = valid & (row >= 0)
        squares = tl.zeros([TILE_K], dtype=tl.float32)
        products = tl.zeros([M_PAD, TILE_K], dtype=tl.float32)
        for at in range(0, dim, BLOCK_D):
            e = at + tl.arange(0, BLOCK_D)
            part = tl.load(
                pool + row[:, None] * stride_k + e[None, :],
                mask=valid[:, None] & (e < dim)[None, :],
                other=0.0,
            ).to(tl.float32)
            target = tl.load(
                q + (b * M + t)[:, None] * dim + e[None, :],
                mask=(t < M)[:, None] & (e < dim)[None, :],
                other=0.0,
            ).to(tl.float32)
            squares += tl.sum(part * part, axis=1)
            products += tl.sum(part[None, :, :] * target[:, None, :], axis=2)
        tl.store(scratch + tile, squares, mask=tile < count)
        tl.store(
            scratch + (1 + t)[:, None] * count + tile[None, :],
            products,
            mask=(t < M)[:, None] & (tile < count)[None, :],
        )
    tl.debug_barrier()

    # Prior covariances: c [M_PAD, BLOCK_K], v [BLOCK_K].
    squares = tl.load(scratch + j, mask=inside, other=0.0)
    g = tl.load(
        scratch + (1 + t)[:, None] * count + j[None, :],
        mask=(t < M)[:, None] & inside[None, :],
        other=0.0,
    )
    scale = tl.where(inside, 1.0, 0.0)
    own = squares
    if NORMALIZED:
        scale = tl.where(squares > 0, 1.0 / tl.sqrt(tl.where(squares > 0, squares, 1.0)), 0.0)
        own = tl.where(squares > 0, 1.0, 0.0)
    c = g * scale[None, :]
    v = own
    if EXPONENTIAL:
        c = tl.exp(beta * (radius * c - 0.5 * (1.0 + radius * radius)))
        v = tl.exp(beta * (own - 1.0))
    if SHARED_NOISE:
        v = own + error * tl.exp(beta * (own - 1.0))
    r = tl.where(inside, 1.0, 0.0)
    if HAS_R:
        r = tl.load(weights + b * count + j, mask=inside, other=0.0).to(tl.float32)
    c = tl.where((t < M)[:, None] & inside[None, :], c * r[None, :], 0.0)
    v = tl.where(inside, v * r * r, 0.0)
    sigma = tl.load(prior + b * M + t, mask=t < M, other=0.0)
    floor = sigma * epsilon
    uncertainty = tl.sum(sigma, axis=0)
    open_ = inside
    if HAS_IDS:
        open_ = open_ & (tl.load(ids + b * count + j, mask=inside, other=-1) >= 0)
    cost = tl.where(inside, 1.0, 0.0)
    if HAS_COSTS:
        cost = tl.load(costs + b * count + j, mask=inside, other=1.0).to(tl.float32)
    left = 0.0
    if HAS_BUDGET:
        left = tl.load(budgets + b).to(tl.float32)
    fits = 4 * epsilon * left  # sums of costs are rounded: ten of 0.1 are paid by 1.0
    factor = tl.zeros([BLOCK_N, BLOCK_K if ROWS_ON_CHIP else 1], dtype=tl.float32)
    line = tl.arange(0, BLOCK_N)
    first = 0.0

    for n in range(steps):
        # Rule 1.
        counted = c
        if POSITIVE_ONLY:
            counted = tl.where(c > 0, c, 0.0)
        score = tl.sum(counted * counted, axis=0) / (v + noise)
        if UNDIRECTED:
            score = 0.5 * tl.log(1.0 + v / noise)
        # Rule 3.
        allowed = open_
        if HAS_BUDGET:
            allowed = allowed & (cost <= left + fits)
        score = tl.where(allowed, score, -float("inf"))
        # Rule 2.
        best = tl.max(score, axis=0)
        alive = best > -float("inf")
        height = tl.maximum(tl.where(alive, best, 0.0), 0.0)
        if n == 0:
            first = height
        tie = rounding * tl.sqrt(height * first)
        i = tl.min(tl.where(allowed & (score >= best - tie), j, BLOCK_K), axis=0)
        i = tl.where(alive, i, 0)
        picked = j == i

        live = tl.where(alive, 1.0, 0.0)
        v_i = tl.sum(tl.where(picked, v, 0.0), axis=0)
        root = tl.sqrt(v_i + noise)
        a = tl.sum(tl.where(picked[None, :], c, 0.0), axis=1) / root * live
        before = uncertainty
        sigma = tl.maximum(sigma - a * a, floor)
        uncertainty = tl.sum(sigma, axis=0)
        gain = 0.5 * tl.log(before / uncertainty)
        lowered = tl.sum(a * a, axis=0) / before
        if lowered < 1e-2:  # the ratio would lose the digits of a small gain
            gain = 0.5 * lowered * (1.0 + lowered * (0.5 + lowered * (1.0 / 3.0)))
        if UNDIRECTED:
            gain = 0.5 * tl.log(1.0 + v_i / noise) * live
        tl.store(indices + b * k + n, tl.where(alive, i, -1).to(tl.int64))
        tl.store(gains + b * k + n, gain)
        tl.store(variances + b * (k + 1) + n + 1, uncertainty)
        if not REPLACEMENT:
            open_ = open_ & (picked == 0)
        if HAS_BUDGET:
            left -= tl.sum(tl.where(picked, cost, 0.0), axis=0) * live

        # The prior row k(x_i, ·), tile by tile through scratch.
        line_i = i.to(tl.int64)
        if HAS_IDS:
            line_i = tl.maximum(tl.load(ids + b * count + i), 0)
        for start in range(0, count, TILE_K):
            tile = start + tl.arange(0, TILE_K)
            valid = tile < count
            row = tile.to(tl.int64)
            if HAS_IDS:
                row = tl.load(ids + b * count + tile, mask=valid, other=-1)
                valid = valid & (row >= 0)
            dots = tl.zeros([TILE_K], dtype=tl.float32)
            for at in range(0, dim, BLOCK_D):
                e = at + tl.arange(0, BLOCK_D)
                part = tl.load(
                    pool + row[:, None] * stride_k + e[None, :],
                    mask=valid[:, None] & (e < dim)[None, :],
                    other=0.0,
                ).to(tl.float32)
                x_i = tl.load(pool + line_i * stride_k + e, mask=e < dim, other=0.0)
                dots += tl.sum(part * x_i.to(tl.float32)[None, :], axis=1)
            tl.store(scratch + tile, dots, mask=tile < count)
        tl.debug_barrier()
        new = tl.load(scratch + j, mask=inside, other=0.0)
        tl.debug_barrier()  # nobody overwrites the scratch before all have read it
        new = new * scale * tl.sum(tl.where(picked, scale, 0.0), axis=0)
        if EXPONENTIAL:
            new = tl.exp(beta * (new - 1.0))
        if SHARED_NOISE:
            new += error * tl.exp(beta * (new - 1.0))
        new = tl.where(inside, new * r * tl.sum(tl.where(picked, r, 0.0), axis=0), 0.0)

        # Rule 4.
        if ROWS_ON_CHIP:
            at_i = tl.sum(tl.where(picked[None, :], factor, 0.0), axis=1)  # ℓ_s(x_i)
            new = (new - tl.sum(at_i[:, None] * factor, axis=0)) / root * live
            factor = tl.where((line == n)[:, None], new[None, :], factor)
        else:
            saved = rows + b * steps * count
            for s in range(n):
                earlier = tl.load(saved + s * count + j, mask=inside, other=0.0)
                new -= tl.load(saved + s * count + i) * earlier
            new = new / root * live
            tl.store(saved + n * count + j, new, mask=inside)
            tl.debug_barrier()
        c = c - a[:, None] * new[None, :]
        v = tl.maximum(v - new * new, 0.0)
