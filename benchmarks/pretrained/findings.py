"""What the numbers say, in sentences: no difference is claimed that the data leave open."""

from __future__ import annotations

from benchmarks.pretrained.experiment import (
    AFTER_OTHERS,
    ANSWER_STEPS,
    LAST,
    WAYS,
    Measured,
    Values,
)
from benchmarks.pretrained.methods import (
    COMPARED,
    NEAREST,
    NEAREST_COPIES,
    RANDOM,
    SHOWN,
    SIFT,
    SIFT_COPIES,
    SIFT_ONCE,
    WITNESSES,
    WITNESSES_AFTER,
    WITNESSES_COPIES,
    WITNESSES_LAST,
)
from sift_retrievers.metrics import paired_comparison

SIGNIFICANT = 0.05


def compared(first: str, a: Values, second: str, b: Values, unit: str, digits: int) -> str:
    """One sentence; a lower loss is better.

    A difference is claimed only if the interval is on one side of 0 and the sign-flip test gives
    p < 0.05: of few values, the bootstrap interval alone is too narrow.
    """
    comparison = paired_comparison(a, b)
    found = comparison.difference
    size = f"by {abs(found.mean):.{digits}f} {unit}"
    bounds = f"95 % interval of the difference {found.low:+.{digits}f} to {found.high:+.{digits}f}"
    bounds += f", p = {comparison.p_value:.2g}"
    if found.high < 0 and comparison.p_value < SIGNIFICANT:
        return f"{first} is better than {second} {size} ({bounds})."
    if found.low > 0 and comparison.p_value < SIGNIFICANT:
        return f"{first} is worse than {second} {size} ({bounds})."
    start = first if first[:2].isupper() else first[0].lower() + first[1:]
    return f"No difference between {start} and {second} is shown ({bounds})."


def text_findings(measured: Measured) -> list[str]:
    """About the held-out texts."""
    steps = COMPARED

    def say(first: str, a: Values, second: str, b: Values) -> str:
        return compared(first, a, second, b, "bits per byte", 3)

    base = measured.base
    nearest, sift, witnesses = (measured.bits(m, steps) for m in (NEAREST, SIFT, WITNESSES))
    return [
        say(f"Training {steps} steps on the nearest neighbours", nearest, "no training", base),
        say(
            f"Training {steps} steps on the passages of two witnesses",
            witnesses,
            "no training",
            base,
        ),
        say("Training on random passages", measured.bits(RANDOM, steps), "no training", base),
        say("Training on SIFT's passages", sift, "training on the nearest neighbours", nearest),
        say(
            "Training on the passages of two witnesses",
            witnesses,
            "training on the nearest neighbours",
            nearest,
        ),
        say(
            "SIFT with repeats",
            sift,
            "SIFT without them",
            measured.bits(SIFT_ONCE, steps),
        ),
        say(
            "With copies in the memory, training on SIFT's passages",
            measured.bits(SIFT_COPIES, steps),
            "training on the nearest neighbours there",
            measured.bits(NEAREST_COPIES, steps),
        ),
        say(
            "With copies in the memory, training on the passages of two witnesses",
            measured.bits(WITNESSES_COPIES, steps),
            "training on the nearest neighbours there",
            measured.bits(NEAREST_COPIES, steps),
        ),
        say(
            f"Having {SHOWN} passages of two witnesses in the context",
            measured.bits(WITNESSES, 0, SHOWN),
            f"training {steps} steps on them",
            witnesses,
        ),
        say(
            "Training and context together",
            measured.bits(WITNESSES, steps, SHOWN),
            "the context alone",
            measured.bits(WITNESSES, 0, SHOWN),
        ),
        say(
            "Training with the first one last, and context",
            measured.bits(WITNESSES_LAST, steps, SHOWN),
            "the context alone",
            measured.bits(WITNESSES, 0, SHOWN),
        ),
        say(
            "Training on each passage after another, the first one last, and context",
            measured.bits(WITNESSES_AFTER, steps, SHOWN),
            "the context alone",
            measured.bits(WITNESSES, 0, SHOWN),
        ),
    ]


def answer_findings(measured: Measured) -> list[str]:
    """About the questions; none if fewer than two are complete."""
    if len(measured.questions) < 2:
        return []

    def say(first: str, a: Values, second: str, b: Values) -> str:
        return compared(first, a, second, b, "nats of the answer", 2)

    similarity, _, default = WAYS[:3]
    none = measured.nats(default, 0, 0)
    context, tuned, both = (
        measured.nats(default, steps, shown)
        for steps, shown in ((0, SHOWN), (ANSWER_STEPS, 0), (ANSWER_STEPS, SHOWN))
    )
    return [
        say("Having the default's passages in the context", context, "no context", none),
        say("Training on them", tuned, "no context", none),
        say("Training and context together", both, "the context alone", context),
        say(
            "Training with the first one last, and context",
            measured.nats(LAST, ANSWER_STEPS, SHOWN),
            "the context alone",
            context,
        ),
        say(
            "Training on each passage after another, the first one last, and context",
            measured.nats(AFTER_OTHERS, ANSWER_STEPS, SHOWN),
            "the context alone",
            context,
        ),
        say(
            "The default's context",
            context,
            "that of similarity search",
            measured.nats(similarity, 0, SHOWN),
        ),
    ]
