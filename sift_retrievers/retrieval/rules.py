"""`SelectionRules`: the settings by which a retriever selects, checked once."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, fields, replace
from inspect import ismethod
from numbers import Real
from typing import Any, Final, TypeAlias

from sift_retrievers.coverage import Coverage
from sift_retrievers.kernels.kernel import Kernel
from sift_retrievers.kernels.names import KERNELS, resolve_kernel
from sift_retrievers.retrieval.titles import TitleOf, title_reader
from sift_retrievers.retrieval.work import SELECTION
from sift_retrievers.selection.problem import Objective
from sift_retrievers.validation import chance, count, flag, is_cpu, positive, torch_device
from sift_retrievers.witnesses import Witnesses
from sift_retrievers.witnesses.relevance import NAMED_WITNESSES, as_witnesses

PHRASES: Final = "phrases"
"""The kernel that sees repetition in the texts: `sift_retrievers.witnesses.phrase_coverage`."""
VECTORS: Final = "relevance"
"""The kernel in its place where no texts are read."""
DEFAULT_RELEVANCE: Final = "vectors+words"

RetrieverKernel: TypeAlias = str | Kernel


def checked_kernel(kernel: RetrieverKernel) -> RetrieverKernel:
    """The name "phrases", or the kernel object.

    Raises:
        ValueError: for a name that is not known.
        TypeError: for anything that is neither a name nor a kernel.
    """
    if isinstance(kernel, str) and kernel == PHRASES:
        return kernel
    if isinstance(kernel, str) and kernel not in KERNELS:
        raise ValueError(f"kernel must be one of {[PHRASES, *KERNELS]}; got {kernel!r}")
    return resolve_kernel(kernel)


def weighs_relevance(kernel: RetrieverKernel) -> bool:
    """Whether a kernel weighs passages by their relevance."""
    checked = checked_kernel(kernel)
    return isinstance(checked, str) or checked.weighs_relevance


@dataclass(frozen=True)
class SelectionRules:
    """How passages are chosen from the candidates.

    For settings that are None a value is chosen here: the kernel follows from the relevance, λ′ and
    the objective from the kernel. The attributes `witnesses`, `chosen_kernel`, `noise` and
    `chosen_objective` hold the values in force.

    Raises:
        ValueError: for a value out of range, or values that do not go together.
        TypeError: for a kernel or a relevance of another type.
        ImportError: for a device other than the CPU without torch.
    """

    relevance: Any = None
    """What decides how relevant a passage is: "vectors+words" (the default), "vectors", "words", a
    function (question, texts) → scores as a further witness, or `Witnesses(…)` with weights."""
    kernel: RetrieverKernel | None = None
    """What counts as repetition: "phrases" (in the texts; the default if words are compared),
    "relevance" (in the vectors; the default otherwise), or a kernel of `select`."""
    lambda_: float | None = None
    """λ′, the variance of the observation noise: small values punish repetition hard."""
    objective: str | None = None
    """As for `select`."""
    device: Any = None
    """The device to select on; None: the CPU."""
    alpha: float | None = None
    """Stop by the α rule of adaptive SIFT."""
    min_gain: float | None = None
    """Stop before the first pick that would add fewer nats."""
    min_novelty: float | None = None
    """Pass over passages whose novelty, the share that is new, is smaller; 0…1."""
    min_chance: float | None = None
    """Choose nothing if the estimated chance that the evidence is there at all is smaller; 0…1."""
    max_tokens: int | None = None
    """The most tokens that all passages together may have."""
    token_counter: Callable[[str], int] | None = None
    """Counts the tokens of a text, for `max_tokens`."""
    replacement: bool = False
    """Whether a passage may be chosen again; in training, each time is a further gradient step."""
    score_threshold: float | None = None
    """Passages whose cosine to all targets is smaller are not candidates."""
    title: TitleOf = None
    """What the title of a document is: a metadata key, several whose values are joined, or a
    function of the document. None: the first of the usual metadata keys that is there."""
    distinct_by: str | Callable[[Any], Hashable] | None = None
    """No two passages of one parent: a metadata key, or a function of the document."""

    witnesses: Witnesses = field(init=False)
    """The witnesses in force."""
    chosen_kernel: RetrieverKernel = field(init=False)
    """The kernel in force: the name "phrases", or an object."""
    noise: float = field(init=False)
    """λ′ in force."""
    chosen_objective: Objective = field(init=False)
    """The objective in force."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "replacement", flag(self.replacement, "replacement"))
        kernel = self.kernel
        if self.relevance is not None:
            witnesses = as_witnesses(self.relevance)
            if kernel is None:
                kernel = PHRASES if witnesses.words > 0 and self._may_cover else VECTORS
            elif (witnesses.words or witnesses.scorer) and not weighs_relevance(kernel):
                raise ValueError(
                    f"relevance= goes with kernel={PHRASES!r}, {VECTORS!r} or "
                    f"RelevanceWeighted(…), which weigh passages by it; got kernel={kernel!r}"
                )
        else:
            if kernel is None:
                kernel = PHRASES if self._may_cover else VECTORS
            weighs = weighs_relevance(kernel)
            witnesses = NAMED_WITNESSES[DEFAULT_RELEVANCE if weighs else "vectors"]
        kernel = checked_kernel(kernel)
        suggests = Coverage if isinstance(kernel, str) else kernel
        noise = suggests.suggested_lambda if self.lambda_ is None else self.lambda_
        objective = suggests.suggested_objective if self.objective is None else self.objective
        if objective not in tuple(Objective):
            raise ValueError(
                f"objective must be one of {[*map(str, Objective)]}; got {self.objective!r}"
            )
        object.__setattr__(self, "witnesses", witnesses)
        object.__setattr__(self, "chosen_kernel", kernel)
        object.__setattr__(self, "noise", positive(noise, "lambda_"))
        object.__setattr__(self, "chosen_objective", Objective(objective))
        self._check()

    @property
    def _may_cover(self) -> bool:
        """Whether the other rules can be combined with the kernel "phrases"."""
        return self.objective in (None, Objective.UNDIRECTED) and not self.replacement

    def _check(self) -> None:
        phrases = self.chosen_kernel == PHRASES
        if phrases and self.chosen_objective != Objective.UNDIRECTED:
            raise ValueError(
                f'the kernel {PHRASES!r} has the objective "undirected"; got {self.objective!r}'
            )
        if phrases and self.replacement:
            raise ValueError(f"the kernel {PHRASES!r} picks no passage twice; got replacement=True")
        for name, checked in _NUMBERS.items():
            if getattr(self, name) is not None:
                object.__setattr__(self, name, checked(getattr(self, name), name))
        if self.replacement and self.min_novelty is not None:
            raise ValueError(
                "min_novelty and replacement do not go together: a passage that is picked again "
                "says nothing new"
            )
        if self.replacement and self.distinct_by is not None:
            raise ValueError(
                "distinct_by and replacement do not go together: replacement allows a passage, and "
                "so its parent, to be picked again"
            )
        if (self.max_tokens is None) != (self.token_counter is None):
            raise ValueError(
                "max_tokens and token_counter go together; got "
                f"max_tokens={self.max_tokens} and token_counter={self.token_counter}: pass "
                "token_counter with a function that counts a text's tokens"
            )
        threshold = self.score_threshold
        if threshold is not None and not (isinstance(threshold, Real) and -1 <= threshold <= 1):
            raise ValueError(f"a threshold for a cosine lies between -1 and 1; got {threshold!r}")
        if not callable(self.title):
            title_reader(self.title)
        by = self.distinct_by
        if by is not None and not (isinstance(by, str) or callable(by)):
            raise ValueError(
                f"distinct_by must be a metadata key or a function of the document; got {by!r}"
            )
        if self.device is not None and not is_cpu(self.device):
            torch_device(self.device)

    @property
    def reads_texts(self) -> bool:
        """Whether the texts of the candidates are read for their words."""
        return self.chosen_kernel == PHRASES or self.witnesses.words > 0

    @property
    def owner(self) -> object:
        """Whose threads the choice waits in: a function of the user that may hang, else SELECTION.

        The scorer, the counter of tokens, and the functions that read titles and parents are called
        while passages are chosen. In threads of their own they hold back nobody else.
        """
        given = (self.witnesses.scorer, self.token_counter, self.title, self.distinct_by)
        found = next((one for one in given if callable(one)), SELECTION)
        return found.__self__ if ismethod(found) else found  # a method object is new at each access

    def without_texts(self) -> SelectionRules:
        """The rules for candidates without texts: by vectors alone, with the λ′ for vectors."""
        return replace(self, relevance=None, kernel=VECTORS, lambda_=None, objective=None)

    def without_limits(self) -> SelectionRules:
        """The rules for training: those that only limit what a model is shown are left out."""
        return replace(
            self, alpha=None, min_gain=None, min_novelty=None, max_tokens=None, token_counter=None
        )

    def settings(self) -> dict[str, Any]:
        """What an explanation shows: the settings, with the values in force in place of None.

        Functions that only count or say where to compute are left out.
        """
        shown = {one.name: getattr(self, one.name) for one in fields(self) if one.init}
        for hidden in ("device", "token_counter", "replacement"):
            del shown[hidden]
        return shown | {
            "relevance": self.witnesses,
            "kernel": self.chosen_kernel,
            "lambda_": self.noise,
            "objective": str(self.chosen_objective),
        }


_NUMBERS: Final[dict[str, Callable[[Any, str], float]]] = {
    "alpha": positive,
    "min_gain": positive,
    "min_novelty": chance,
    "min_chance": chance,
    "max_tokens": count,
}
"""The check of each rule that is a number."""
