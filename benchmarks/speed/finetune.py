"""What a session of test-time fine-tuning costs beside its own gradient steps, and what stays.

    make bench-finetune   # about 8 minutes; writes benchmarks/speed/results/finetune.md

Models of the real architectures with random weights: time and memory do not depend on what they
say. Methods take turns in one process; quoted are medians. Memory is that of all tensors alive.
"""

from __future__ import annotations

import argparse
import gc
import platform
import random
import resource
import statistics
import threading
import time
import warnings
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import torch
import transformers
from rich.console import Console
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from sift_retrievers.finetune import Budget, TestTimeTuner

RESULTS = Path(__file__).parent / "results" / "finetune.md"
STEPS, TOKENS, ROUNDS = 10, 128, 7
QUERY = "who ruled the land after the rebellion"
WORDS = "the land was ruled by a company until queen and parliament took it over after rebellion in"
MODELS: dict[str, Callable[[int], Any]] = {
    "GPT-2 small (12 layers, 768)": lambda v: transformers.GPT2Config(vocab_size=max(v, 50257)),
    "Llama (8 layers, 512)": lambda v: transformers.LlamaConfig(
        vocab_size=max(v, 32000),
        hidden_size=512,
        intermediate_size=1376,
        num_hidden_layers=8,
        num_attention_heads=8,
        num_key_value_heads=4,
    ),
}
TINY = transformers.LlamaConfig(
    vocab_size=300,
    hidden_size=64,
    intermediate_size=128,
    num_hidden_layers=2,
    num_attention_heads=4,
    num_key_value_heads=2,
)


def words_tokenizer() -> Any:
    """A token a word."""
    tokenizer = Tokenizer(models.WordLevel(unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    trainer = trainers.WordLevelTrainer(special_tokens=["[UNK]"], show_progress=False)
    tokenizer.train_from_iterator([WORDS], trainer)
    return transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="[UNK]")


def passages(count: int, tokens: int, start: int = 0) -> list[str]:
    """Different texts of so many words."""
    words = WORDS.split()
    return [
        " ".join(random.Random(i).choices(words, k=tokens)) for i in range(start, start + count)
    ]


def build(config: Any) -> Any:
    torch.manual_seed(0)
    return transformers.AutoModelForCausalLM.from_config(config).eval()


def seconds(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def bare_steps(tuner: TestTimeTuner, texts: list[str]) -> None:
    """The forward and backward passes of a session, nothing else."""
    slot = tuner._trainer.slot
    slot.enable()
    for parameter in tuner.model.parameters():
        parameter.requires_grad_(False)
    for parameter in slot.parameters:
        parameter.requires_grad_(True)
    for text in texts:
        ids = torch.tensor([tuner.tokenizer(text)["input_ids"]])
        tuner.model(input_ids=ids, labels=ids, use_cache=False).loss.backward()
        for parameter in slot.parameters:
            parameter.grad = None
    slot.disable()


def session(tuner: TestTimeTuner, texts: list[str]) -> None:
    with tuner.session(QUERY, texts):
        pass


def alive() -> int:
    """Bytes of all tensors that exist, each storage once."""
    gc.collect()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        storages = {
            t.untyped_storage().data_ptr(): t.untyped_storage().nbytes()
            for t in gc.get_objects()
            if isinstance(t, torch.Tensor)
        }
    return sum(storages.values())


def overhead(console: Console) -> list[str]:
    lines = [
        "## Time beside the gradient steps",
        "",
        f"{STEPS} steps of {TOKENS} tokens, rank 8 on all linear layers. Bare: forward and backward"
        " passes alone, no optimizer.",
        "",
        "| model | bare steps, s | session, s | session / bare | with SHA-256 of every byte | "
        "slot reset / session |",
        "|" + "---|" * 6,
    ]
    for name, config in MODELS.items():
        console.print(f"overhead: {name} ...")
        tokenizer = words_tokenizer()
        model = build(config(len(tokenizer)))
        tuner = TestTimeTuner(model, tokenizer, budget=Budget(max_steps=STEPS))
        texts = passages(STEPS, TOKENS)
        took: dict[str, list[float]] = {"bare": [], "quick": [], "full": [], "reset": []}
        for _ in range(ROUNDS + 1):
            took["bare"].append(seconds(lambda: bare_steps(tuner, texts)))  # noqa: B023
            for verify in ("quick", "full"):
                tuner.verify = verify  # type: ignore[assignment]
                took[verify].append(seconds(lambda: session(tuner, texts)))  # noqa: B023
            took["reset"].append(seconds(tuner._trainer.slot.reset))
        bare, quick, full, reset = (statistics.median(took[key][1:]) for key in took)
        lines.append(
            f"| {name}, {model.num_parameters() / 1e6:.0f} M | {bare:.2f} | {quick:.2f} | "
            f"{quick / bare:.3f} | {full / bare:.3f} | {100 * reset / quick:.2f} % |"
        )
        tuner.close()
    return lines


def memory(console: Console) -> list[str]:
    console.print("memory ...")
    (name, config) = next(iter(MODELS.items()))
    tokenizer = words_tokenizer()
    before = alive()
    model = build(config(len(tokenizer)))
    base = alive() - before
    tuner = TestTimeTuner(model, tokenizer, budget=Budget(max_steps=STEPS))
    adapter = sum(p.nbytes for p in tuner._trainer.slot.parameters)
    idle = alive() - before - base
    seen: list[int] = []
    hook = model.register_forward_pre_hook(lambda *_: seen.append(alive() - before - base))
    with tuner.session(QUERY, passages(STEPS, TOKENS)):
        hook.remove()
        answering = alive() - before - base
    after = alive() - before - base
    mega = 1024**2
    rows = [
        ("the base", base),
        ("its adapter, by its parameters", adapter),
        ("tensors that the tuner adds while idle", idle),
        ("… before a step: adapter and optimizer", max(seen)),
        ("… while the model answers", answering),
        ("… after the session", after),
    ]
    return [
        "## Memory",
        "",
        f"{name}, fp32; gradients and activations of a step come on top while it is made.",
        "",
        "| what | MiB | share of the base |",
        "|---|---|---|",
        *(f"| {what} | {size / mega:.2f} | {100 * size / base:.2f} % |" for what, size in rows),
    ]


def many_sessions(console: Console, count: int = 200) -> list[str]:
    console.print(f"{count} sessions ...")
    tokenizer = words_tokenizer()
    model = build(TINY)
    tuner = TestTimeTuner(model, tokenizer, budget=Budget(max_steps=STEPS))
    session(tuner, passages(STEPS, 32))
    modules, tensors = len([*model.modules()]), alive()
    resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    took = [
        seconds(lambda: session(tuner, passages(STEPS, 32, start=i)))  # noqa: B023
        for i in range(count)
    ]
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - resident
    first, last = statistics.median(took[:20]), statistics.median(took[-20:])
    return [
        f"## {count} sessions in a row",
        "",
        "Llama (2 layers, 64).",
        "",
        "| what | result |",
        "|---|---|",
        f"| modules of the model, growth | {len([*model.modules()]) - modules} |",
        f"| bytes of live tensors, growth | {alive() - tensors} |",
        f"| largest resident memory, growth | {grown / 1024:.1f} MiB |",
        f"| median of the first 20 / of the last 20 | {1e3 * first:.1f} / {1e3 * last:.1f} ms |",
    ]


def threads(console: Console, workers: int = 8, each: int = 25) -> list[str]:
    console.print(f"{workers} threads x {each} requests ...")
    tokenizer = words_tokenizer()
    model = build(TINY)
    tuner = TestTimeTuner(model, tokenizer, learning_rate=1e-2, budget=Budget(max_steps=3))
    ids = torch.tensor([tokenizer(QUERY)["input_ids"]])

    def answer(i: int) -> torch.Tensor:
        with tuner.session(QUERY, passages(3, 32, start=i)), torch.no_grad():
            logits: torch.Tensor = model(input_ids=ids).logits
            return logits

    total = workers * each
    serial = [answer(i) for i in range(total)]
    wrong: list[int] = []

    def work(worker: int) -> None:
        for i in range(worker, total, workers):
            if not torch.equal(answer(i), serial[i]):
                wrong.append(i)

    pool = [threading.Thread(target=work, args=(i,)) for i in range(workers)]
    for thread in pool:
        thread.start()
    for thread in pool:
        thread.join()
    different = len({tuple(logits.flatten().tolist()) for logits in serial})
    return [
        f"## {workers} threads, {each} requests each",
        "",
        f"{total} requests with different passages ({different} different answers): "
        f"{len(wrong)} differ from those of a serial run, compared bit by bit.",
    ]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    options.parse_args()
    transformers.logging.set_verbosity_error()
    warnings.filterwarnings("ignore")
    console = Console()
    lines = [
        "# Sessions of test-time fine-tuning",
        "",
        f"`make bench-finetune`, {date.today()}; {platform.machine()}, {torch.get_num_threads()} "
        f"threads, Python {platform.python_version()}, torch {torch.__version__}.",
    ]
    for part in (overhead, memory, many_sessions, threads):
        lines += ["", *part(console)]
    RESULTS.write_text("\n".join(lines) + "\n", encoding="utf-8")
    console.print("\n".join(lines), markup=False)


if __name__ == "__main__":
    main()
