"""`_native.select` under AddressSanitizer and UndefinedBehaviorSanitizer: `make fuzz`.

Builds the extension module with both (GCC or Clang, on Linux) in a temporary folder, for this
processor, without AVX-512 and portable, and calls it for `--seconds` each: with random problems,
whose answers are checked by brute force, and with random nonsense: sizes that contradict the
buffers, ids from anywhere, infinities and NaN. It must answer or raise. A read or write beside a
buffer, or an overflow of whole numbers, ends the process with the sanitizers' report.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import shlex
import subprocess
import sys
import sysconfig
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from raw_problems import RawProblem, check, random_problem

SOURCES = Path(__file__).parents[2] / "sift_retrievers" / "native"
SANITIZERS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
SIZES = ("P", "N", "d", "K", "B", "m", "k")
CHOICES = ("double_precision", "kernel", "objective", "standardized", "positive_only")
NUMBERS = ("parameter_a", "parameter_b", "gamma", "rounding", "noise")
ARRAYS = ("vectors", "targets", "relevance", "whitening", "costs", "budget", "ids", "groups")
EXTREMES = (0.0, -0.0, 1e-320, 1e-45, 1e-30, 1e-20, 1e18, 1e20, 1e36, 1e150, 1e300, np.inf, np.nan)


def build(folder: Path, *, portable: bool = False, avx512: bool = True) -> Path:
    """The module with sanitizers, without numpy's or setuptools' help."""
    target = folder / f"native-{int(portable)}{int(avx512)}.so"
    compiler = shlex.split(os.environ.get("CC", "cc"))
    flags = ["-shared", "-fPIC", "-g", "-O1", "-std=c99", "-ffp-contract=fast", *SANITIZERS]
    defines = ["-DPy_LIMITED_API=0x030B0000"]
    defines += ["-DSIFT_PORTABLE"] if portable else []
    defines += [] if avx512 else ["-DSIFT_NO_AVX512"]
    include = f"-I{sysconfig.get_paths()['include']}"
    sources = [str(path) for path in sorted(SOURCES.glob("*.c"))]
    subprocess.run(
        [*compiler, *flags, *defines, include, *sources, "-o", str(target), "-lm"], check=True
    )
    return target


def load(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location("sift_retrievers._native", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def spoil(problem: RawProblem, random: np.random.Generator) -> None:
    """Change one thing into something that may fit or not."""
    kind = random.integers(0, 5)
    if kind == 0:
        name = str(random.choice(SIZES))
        size = getattr(problem, name)
        sizes = (size + 1, size - 1, 2 * size, 0, -1, 2**31, 2**32, 2**62, 2**63 - 1, 2**64)
        setattr(problem, name, sizes[random.integers(0, len(sizes))])
    elif kind == 1:
        setattr(problem, str(random.choice(CHOICES)), int(random.integers(-1, 5)))
    elif kind == 2:
        value = float(random.choice(EXTREMES)) * float(random.choice([1, -1]))
        setattr(problem, str(random.choice(NUMBERS)), value)
    else:
        name = str(random.choice(ARRAYS))
        array = getattr(problem, name)
        if not isinstance(array, np.ndarray):
            setattr(problem, name, np.zeros(random.integers(0, 99)))
        elif kind == 3 and array.size > 0:
            array = array.copy()
            some = random.integers(0, array.size, size=random.integers(1, 9))
            if name in ("ids", "groups"):
                rows = min(problem.N, 2**62)
                wild = (-(2**63), -2, -1, 0, 1, 2**31, 2**62, 2**63 - 1, rows - 1, rows)
                array.reshape(-1)[some] = wild[random.integers(0, len(wild))]
            else:
                with np.errstate(over="ignore"):
                    array.reshape(-1)[some] = random.choice(EXTREMES) * random.choice([1, -1])
            setattr(problem, name, array)
        else:
            flat = array.reshape(-1).copy()
            cuts: tuple[Any, ...] = (None, flat[1:], flat[:-1], flat[::2], flat.tobytes(), flat[:0])
            setattr(problem, name, cuts[random.integers(0, len(cuts))])


def outputs_of(problem: RawProblem, shape: tuple[int, int]) -> list[Any]:
    """Outputs for B and k as they were before anything was spoilt."""
    batch, k = shape
    return [
        np.zeros((batch, k), dtype=np.int64),
        np.zeros((batch, k), dtype=problem.real),
        np.zeros((batch, k + 1), dtype=problem.real),
    ]


def attack(module: Any, seconds: float, seed: int) -> None:
    print(module.instructions(), flush=True)
    start, answered, refused, checked = time.monotonic(), 0, 0, 0
    while time.monotonic() < start + seconds:
        seed += 1
        problem = random_problem(seed)
        shape = problem.B, problem.k
        try:
            check(problem, module.select)
        except AssertionError as error:
            raise AssertionError(f"random_problem({seed}): {error}") from error
        checked += 1
        for attempt in range(20):
            random = np.random.default_rng([seed, attempt])
            spoilt = replace(problem)
            for _ in range(random.integers(1, 4)):
                spoil(spoilt, random)
            try:
                status = module.select(*spoilt.arguments(), *outputs_of(spoilt, shape))
            except (ValueError, TypeError, MemoryError):
                refused += 1
            else:
                assert status in range(5)
                answered += 1
    print(f"{checked} problems checked; of others {answered} answered, {refused} refused")


def with_sanitizers() -> dict[str, str]:
    """The environment in which a build with sanitizers can be loaded."""
    compiler = shlex.split(os.environ.get("CC", "cc"))
    runtimes = [
        subprocess.run([*compiler, f"-print-file-name={name}"], capture_output=True, text=True)
        for name in ("libasan.so", "libubsan.so")
    ]
    return os.environ | {
        "LD_PRELOAD": " ".join(run.stdout.strip() for run in runtimes),
        "ASAN_OPTIONS": "detect_leaks=0:allocator_may_return_null=1",
        "UBSAN_OPTIONS": "print_stacktrace=1",
        "PYTHONMALLOC": "malloc",  # so that the sanitizer sees every buffer's end
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=120.0, help="for each of the three builds")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--module", type=Path, help="a build with sanitizers: attack it, here")
    arguments = parser.parse_args()
    if arguments.module is not None:
        attack(load(arguments.module), arguments.seconds, arguments.seed)
        return
    environment = with_sanitizers()
    with tempfile.TemporaryDirectory() as folder:
        for portable, avx512 in ((False, True), (False, False), (True, False)):
            module = build(Path(folder), portable=portable, avx512=avx512)
            command = [sys.executable, __file__, "--module", str(module)]
            command += ["--seconds", str(arguments.seconds), "--seed", str(arguments.seed)]
            subprocess.run(command, env=environment, check=True)


if __name__ == "__main__":
    main()
