"""Builds the optional extension module; everything else stands in pyproject.toml.

`SIFT_RETRIEVERS_BUILD_EXTENSION=0` leaves it out, `=require` makes a failure to build it an error;
otherwise it is left out, with a line that says so, where there is no C compiler or no Python.h.
"""

from __future__ import annotations

import os
import sys
import sysconfig
from glob import glob
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_ext import build_ext
from setuptools.errors import BaseError, CCompilerError

WANTED = os.environ.get("SIFT_RETRIEVERS_BUILD_EXTENSION", "auto")
# A free-threaded Python has no limited API (before 3.15): there the wheel is for one version.
LIMITED_API = not sysconfig.get_config_var("Py_GIL_DISABLED")
UNIX = [
    "-std=c99",
    "-O3",
    # Without strict rounding of a * b + c: a fused operation is faster, and more exact.
    "-ffp-contract=fast",
    # A square root without setting errno, a choice without traps: what lets loops be vectorised.
    "-fno-math-errno",
    "-fno-trapping-math",
    "-fvisibility=hidden",
    "-g0",
    "-Wall",
    "-Wextra",
]
MSVC = ["/std:c11", "/O2"]


class BuildExtension(build_ext):
    """Builds it, or does without."""

    def build_extensions(self) -> None:
        flags = MSVC if self.compiler.compiler_type == "msvc" else UNIX
        for extension in self.extensions:
            extension.extra_compile_args = flags
        super().build_extensions()

    def run(self) -> None:
        try:
            super().run()
        except (BaseError, CCompilerError, OSError):
            if WANTED == "require":
                raise
            print(
                "sift-retrievers: no C compiler that works, or no Python.h: built without compiled "
                "functions, numpy does their work",
                file=sys.stderr,
            )
            for extension in self.extensions:  # of an earlier build
                Path(self.get_ext_fullpath(extension.name)).unlink(missing_ok=True)
            self.extensions = []
            self.distribution.ext_modules = []


class BuildWheel(bdist_wheel):
    """A wheel for any platform where the extension was left out."""

    def run(self) -> None:
        if self.distribution.has_ext_modules():
            self.run_command("build_ext")
        self.root_is_pure = not self.distribution.has_ext_modules()
        super().run()


extension = Extension(
    "sift_retrievers._native",
    sources=sorted(glob("sift_retrievers/native/*.c")),
    depends=sorted(glob("sift_retrievers/native/*.h")),
    define_macros=[("Py_LIMITED_API", "0x030B0000")] if LIMITED_API else [],
    py_limited_api=LIMITED_API,
)
setup(
    ext_modules=[] if WANTED == "0" else [extension],
    cmdclass={"build_ext": BuildExtension, "bdist_wheel": BuildWheel},
    options={"bdist_wheel": {"py_limited_api": "cp311"}} if LIMITED_API else {},
)
