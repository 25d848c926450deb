"""The figures as a page of tables, and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.retrieval.evaluate import Scores
from benchmarks.retrieval.methods import CUTOFFS, label
from benchmarks.retrieval.results import POOLS, WAYS, Results
from benchmarks.retrieval.tune import POOL, Key
from sift_retrievers.metrics import mean_interval, paired_comparison

NEAREST = "nearest neighbour"
SHORT = {"default": "default", "one setting": "tuned, one for all", "own setting": "tuned here"}


def page(results: Results, head: Sequence[str], missing: dict[Key, str]) -> str:
    """The whole page, in Markdown."""
    lines = ["# Evidence found: every method on every set", "", *head, ""]
    if missing:
        lines += [
            "Not measured: " + "; ".join(f"{n}, {v} ({why})" for (n, v), why in missing.items())
        ]
        lines += ["", "Means over sets are over those that were measured.", ""]
    lines += [*summary(results), "", *losses(results), ""]
    for key in results.keys:
        lines += [*of_set(results, key), ""]
    return "\n".join(lines)


def variants(results: Results) -> dict[str, list[Key]]:
    """Variant → its sets."""
    found: dict[str, list[Key]] = {}
    for key in results.keys:
        found.setdefault(key[1], []).append(key)
    return found


def summary(results: Results) -> list[str]:
    """Means over sets, by variant."""
    lines = ["## Means over sets", ""]
    lines += ["Mean of coverage@" + ", @".join(map(str, CUTOFFS)) + ", sets weighing the same."]
    groups = {**variants(results), "all": list(results.keys)}
    for pool in POOLS:
        for way in WAYS:
            lines += ["", f"### {pool} candidates, {SHORT[way]}", ""]
            setting = way != "own setting"
            columns = ["method", *(["setting"] if setting else []), *groups]
            lines += [f"| {' | '.join(columns)} |", "|" + "---|" * len(columns)]
            for method in results.methods:
                if method.largest_pool is not None and pool > method.largest_pool:
                    continue
                tuned = results.tuned[method.name]
                chosen = tuned.default if way == "default" else tuned.everywhere
                means = [results.mean(pool, keys, method.name, way) for keys in groups.values()]
                cells = [method.name, *([label(chosen)] if setting else []), *map(_number, means)]
                lines.append(f"| {' | '.join(cells)} |")
    return lines


def losses(results: Results) -> list[str]:
    """Where a method's default differs from nearest neighbour beyond chance, and how often."""
    lines = ["## Against nearest neighbour, set by set", ""]
    lines += [
        f"Mean coverage among {POOL} candidates: sets on which the method is ahead, and behind,",
        "with a 95 % interval that leaves 0 out; in brackets those behind by more than 0.005.",
        "",
    ]
    groups = variants(results)
    for way in WAYS[:2]:
        lines += [f"### {SHORT[way]}", "", "| method | " + " | ".join(groups) + " |"]
        lines.append("|" + "---|" * (1 + len(groups)))
        for method in results.methods[1:]:
            cells = [method.name]
            for keys in groups.values():
                signs = [_sign(results, key, method.name, way) for key in keys]
                ahead, behind = signs.count(1), sum(sign < 0 for sign in signs)
                cells.append(f"+{ahead} −{behind} ({signs.count(-2)}) of {len(keys)}")
            lines.append(f"| {' | '.join(cells)} |")
        lines.append("")
    return lines[:-1]


def _sign(results: Results, key: Key, method: str, way: str) -> int:
    """1 ahead, 0 no difference beyond chance, −1 behind, −2 behind by more than 0.005."""
    ours = results.coverage(POOL, key, method, way)
    base = results.coverage(POOL, key, NEAREST, way)
    if ours is None or base is None:
        return 0
    interval = mean_interval(ours - base)
    if interval.low > 0:
        return 1
    return 0 if interval.high >= 0 else (-2 if interval.mean < -0.005 else -1)


def of_set(results: Results, key: Key) -> list[str]:
    """All methods on one set in one variant, 100 candidates."""
    name, variant = key
    lines = [f"## {name}, {variant}", "", f"{results.queries[key]} queries, {POOL} candidates."]
    for way in WAYS:
        peer = results.best_peer(POOL, [key], way)
        lines += ["", f"### {SHORT[way]}; the best peer is {peer}", ""]
        lines.append(
            "| method | setting | mean coverage | "
            + " | ".join(f"@{k}" for k in CUTOFFS)
            + " | all evidence@10 | α-nDCG@10 | near-duplicates@10 | − nearest neighbour | − best "
            "peer |"
        )
        lines.append("|" + "---|" * (8 + len(CUTOFFS)))
        for method in results.methods:
            found = results.measured.get((POOL, key, method.name, way))
            if found is None:
                continue
            scores = found.scores
            mean = mean_interval(scores.mean_coverage)
            cells = [
                method.name,
                label(found.setting),
                f"{mean.mean:.3f} [{mean.low:.3f}, {mean.high:.3f}]",
                *(f"{scores.coverage[k].mean():.3f}" for k in CUTOFFS),
                f"{scores.all_evidence[10].mean():.3f}",
                f"{scores.alpha_ndcg.mean():.3f}",
                f"{scores.near_duplicates.mean():.1%}",
                _difference(results, key, method.name, NEAREST, way),
                _difference(results, key, method.name, peer, way),
            ]
            lines.append(f"| {' | '.join(cells)} |")
    return lines


def _difference(results: Results, key: Key, method: str, other: str, way: str) -> str:
    a, b = (results.coverage(POOL, key, name, way) for name in (method, other))
    if method == other or a is None or b is None:
        return "–"
    if not (a - b).any():
        return "0, every query"
    compared = paired_comparison(a, b)
    d = compared.difference
    return f"{d.mean:+.3f} [{d.low:+.3f}, {d.high:+.3f}], p {compared.p_value:.2g}"


def _number(mean: float | None) -> str:
    return "–" if mean is None else f"{mean:.4f}"


def as_json(results: Results, head: Sequence[str], missing: dict[Key, str]) -> dict[str, Any]:
    """Means and settings for other programs; the same figures as the page."""
    rows = [
        {
            "candidates": pool,
            "set": key[0],
            "variant": key[1],
            "method": method,
            "way": way,
            "setting": dict(found.setting),
            "queries": results.queries[key],
            **_means(found.scores),
        }
        for (pool, key, method, way), found in results.measured.items()
    ]
    gone = [{"set": n, "variant": v, "why": why} for (n, v), why in missing.items()]
    return {"about": list(head), "missing": gone, "rows": rows}


def _means(scores: Scores) -> dict[str, Any]:
    def mean(values: Any) -> float:
        return round(float(np.mean(values)), 6)

    return {
        "mean_coverage": mean(scores.mean_coverage),
        "coverage": {str(k): mean(values) for k, values in scores.coverage.items()},
        "all_evidence": {str(k): mean(values) for k, values in scores.all_evidence.items()},
        "alpha_ndcg@10": mean(scores.alpha_ndcg),
        "near_duplicates@10": mean(scores.near_duplicates),
    }
