"""The rules whose picks and σ the commands about stopping and warning look at.

The retrievers' default maximises what passages say, weighted by relevance; the other, nearly as
good at finding evidence on most sets, what is known of the answer, which its gains are about.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from sift_retrievers.calibration import DEFAULT, Setting
from sift_retrievers.kernels import SharedNoise

THE_DEFAULT: Final = "the default"
LOOKED_AT: Final[Mapping[str, Setting]] = MappingProxyType(
    {
        THE_DEFAULT: DEFAULT,
        "shared noise": Setting(SharedNoise(error=8.0, sharpness=11.0), 20.0),
    }
)
"""By name."""


def in_words(setting: Setting) -> str:
    """The rule as a line of a page."""
    return f"{setting.kernel}, objective {setting.objective!r}, λ′ = {setting.lambda_:g}"
