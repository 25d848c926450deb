"""The figures as a short page of tables, and as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.retrieval.evaluate import Scores
from benchmarks.retrieval.methods import MIXED, NEAREST, OURS, PARTS, label
from benchmarks.retrieval.results import Key, Results
from benchmarks.retrieval.variants import CUTOFFS
from sift_retrievers.metrics import paired_comparison

TITLES = {"default": "Settings as they come", "tuned": "One setting for all, tuned"}


def page(results: Results, model: str, head: Sequence[str]) -> str:
    """The whole page, in Markdown."""
    lines = [f"# Evidence found, embeddings by {model}", "", *head, "", *sizes(results)]
    for way in results.ways:
        lines += ["", *summary(results, way)]
    for method in results.methods:
        if method.family == OURS:
            lines += ["", *differences(results, method.name)]
    return "\n".join([*lines, ""])


def sizes(results: Results) -> list[str]:
    """What was measured on."""
    names = list(dict.fromkeys(name for name, _ in results.keys))
    lines = [f"| passages | {' | '.join(results.variants)} | questions reported |"]
    lines.append("|" + "---|" * (2 + len(results.variants)))
    for name in names:
        counts = [results.passages.get((name, v)) for v in results.variants]
        cells = ["–" if count is None else f"{count:,}" for count in counts]
        asked = max(n for (of, _), n in results.questions.items() if of == name)
        lines.append(f"| {name} | {' | '.join(cells)} | {asked} |")
    return lines


def summary(results: Results, way: str) -> list[str]:
    """Means over sets, by variant; the best of a column and of the peers' are marked."""
    groups: dict[str, list[Key]] = {**results.variants, "all": list(results.keys)}
    lines = [f"## {TITLES[way]}: means over sets", ""]
    cutoffs = "; ".join(f"{v} @{', @'.join(map(str, CUTOFFS[v]))}" for v in results.variants)
    lines += [f"Mean evidence coverage ({cutoffs}), sets weighing the same.", ""]
    setting = way == "tuned"
    columns = ["method", *(["setting"] if setting else []), *groups]
    lines += [f"| {' | '.join(columns)} |", "|" + "---|" * len(columns)]
    values = {
        method.name: [results.mean(keys, method.name, way) for keys in groups.values()]
        for method in results.methods
    }
    top = np.max([*values.values()], axis=0)
    for method in results.methods:
        numbers = [
            f"**{value:.3f}**" if round(value, 3) == round(float(most), 3) else f"{value:.3f}"
            for value, most in zip(values[method.name], top, strict=True)
        ]
        chosen = [label(results.settings[method.name, way])] if setting else []
        lines.append(f"| {' | '.join([_named(method.name, method.family), *chosen, *numbers])} |")
    return lines


def _named(name: str, family: str) -> str:
    return f"*{name}*" if family in (OURS, PARTS, MIXED) else name


def differences(results: Results, method: str, way: str = "default") -> list[str]:
    """One of our methods against nearest neighbours and the best peer, set by set."""
    lines = [f"## {method}: differences, set by set, {TITLES[way].lower()}", ""]
    names = list(dict.fromkeys(name for name, _ in results.keys))
    nearest = next((one.name for one in results.methods if one.family == NEAREST), None)
    for against in ("nearest neighbours", "the best peer of the variant"):
        others = {
            variant: nearest if against == "nearest neighbours" else results.best_peer(keys, way)
            for variant, keys in results.variants.items()
        }
        columns = [
            f"{variant} − {other}" if against != "nearest neighbours" else variant
            for variant, other in others.items()
        ]
        lines += [f"| − {against} | {' | '.join(columns)} |", "|" + "---|" * (1 + len(columns))]
        for name in names:
            cells = [
                _difference(results, (name, variant), method, other, way)
                for variant, other in others.items()
            ]
            lines.append(f"| {name} | {' | '.join(cells)} |")
        lines.append("")
    return lines[:-1]


def _difference(results: Results, key: Key, method: str, other: str | None, way: str) -> str:
    """The mean difference with its interval, bold where the interval leaves 0 out."""
    if other is None or key not in results.keys or results.questions[key] < 2:
        return "–"
    a, b = (results.coverage(key, name, way) for name in (method, other))
    d = paired_comparison(a, b).difference
    found = f"{d.mean:+.3f} [{d.low:+.3f}, {d.high:+.3f}]"
    return f"**{found}**" if d.low > 0 or d.high < 0 else found


def as_json(results: Results, model: str, head: Sequence[str], missing: dict[Key, str]) -> str:
    """Means and settings for other programs, a line each; the figures of the page and more."""
    rows = [
        {
            "set": key[0],
            "variant": key[1],
            "method": method,
            "way": way,
            "setting": dict(results.settings[method, way]),
            "questions": results.questions[key],
            **_means(scores),
        }
        for (key, method, way), scores in results.scores.items()
    ]
    gone = [{"set": n, "variant": v, "why": why} for (n, v), why in missing.items()]
    about = json.dumps({"model": model, "about": list(head), "missing": gone}, ensure_ascii=False)
    lines = ",\n".join(json.dumps(row) for row in rows)
    return f'{about[:-1]}, "rows": [\n{lines}\n]}}\n'


def _means(scores: Scores) -> dict[str, Any]:
    def mean(values: Any) -> float:
        return round(float(np.mean(values)), 4)

    return {
        "mean_coverage": mean(scores.mean_coverage),
        "coverage": {str(k): mean(values) for k, values in scores.coverage.items()},
        "alpha_ndcg@10": mean(scores.alpha_ndcg),
        "near_duplicates@10": mean(scores.near_duplicates),
    }
