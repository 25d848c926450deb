"""Writes `files/` with the packages whose formats they have; the sentences are our own.

    python -m venv other && other/bin/pip install ragas deepeval langsmith pandas datasets
    other/bin/python tests/evaluation/write_files.py

`files/versions.json` says which versions wrote them. LangSmith's web page and its command write
files, too: `langsmith_page.csv` and `langsmith_command.json` are made here by hand in the form that
they have, the rest by the packages themselves.
"""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any
from uuid import UUID

FILES = Path(__file__).parent / "files"
QUESTIONS = [
    "When was the lighthouse of Norderhaven built?",
    'Who wrote "The Tide, and After"?',
    "Wie heißt die Fähre nach Süderoog?",
]
ANSWERS = ["In 1871.", "Ida Brandt, in 1932.", "Möwe III."]
CONTEXTS = [
    ["The lighthouse of Norderhaven was built in 1871, by order of the harbour office."],
    [
        'Ida Brandt called her second novel "The Tide, and After".',
        "Brandt's novels were printed in Norderhaven,\nfrom 1928 to 1941.",
    ],
    ["Die Fähre nach Süderoog heißt Möwe III; sie fährt täglich."],
]
RETRIEVED = [["Norderhaven has a lighthouse.", "It's 40 m high."], ["Nothing."], ["Süderoog."]]
IDS = [["d-1"], ["d-2", "d-7"], ["d-3"]]


def main() -> None:
    FILES.mkdir(exist_ok=True)
    ragas()
    ragas_of_old()
    deepeval()
    langsmith()
    packages = ("ragas", "deepeval", "langsmith", "datasets", "pandas")
    text = json.dumps({name: version(name) for name in packages}, indent=1)
    (FILES / "versions.json").write_text(text + "\n", encoding="utf-8")


def ragas() -> None:
    from ragas import EvaluationDataset, MultiTurnSample, SingleTurnSample
    from ragas.messages import AIMessage, HumanMessage
    from ragas.testset.synthesizers.testset_schema import Testset, TestsetSample

    samples = [
        SingleTurnSample(
            user_input=question,
            reference=answer,
            reference_contexts=gold,
            retrieved_contexts=retrieved,
        )
        for question, answer, gold, retrieved in zip(
            QUESTIONS, ANSWERS, CONTEXTS, RETRIEVED, strict=True
        )
    ]
    dataset = EvaluationDataset(samples=samples)
    dataset.to_jsonl(FILES / "ragas.jsonl")
    dataset.to_csv(FILES / "ragas.csv")
    dataset.to_pandas().to_csv(FILES / "ragas_pandas.csv", index=False)
    dataset.to_hf_dataset().to_csv(str(FILES / "ragas_datasets.csv"))
    dataset.to_hf_dataset().to_json(str(FILES / "ragas_datasets.json"), force_ascii=False)
    generated = [TestsetSample(eval_sample=one, synthesizer_name="single_hop") for one in samples]
    Testset(samples=generated).to_jsonl(FILES / "ragas_testset.jsonl")
    with_ids = [
        SingleTurnSample(user_input=question, reference_context_ids=ids)
        for question, ids in zip(QUESTIONS, IDS, strict=True)
    ]
    EvaluationDataset(samples=with_ids).to_jsonl(FILES / "ragas_ids.jsonl")
    turns = [HumanMessage(content="Who?"), AIMessage(content="Ida."), HumanMessage(content="When?")]
    EvaluationDataset(samples=[MultiTurnSample(user_input=turns)]).to_jsonl(
        FILES / "ragas_conversation.jsonl"
    )


def ragas_of_old() -> None:
    """The columns of Ragas before 0.2: an evaluation, and a test set, whose contexts are gold."""
    import pandas as pd

    evaluated = {
        "question": QUESTIONS,
        "answer": ["I do not know."] * 3,
        "contexts": RETRIEVED,
        "ground_truth": ANSWERS,
    }
    pd.DataFrame(evaluated).to_csv(FILES / "ragas_old.csv", index=False)
    generated = {
        "question": QUESTIONS,
        "contexts": CONTEXTS,
        "ground_truth": ANSWERS,
        "evolution_type": ["simple"] * 3,
        "metadata": [[{"source": "harbour.md"}]] * 3,
        "episode_done": [True] * 3,
    }
    pd.DataFrame(generated).to_json(
        FILES / "ragas_old_testset.json", orient="records", force_ascii=False, indent=1
    )


def deepeval() -> None:
    from deepeval.dataset import ConversationalGolden, EvaluationDataset, Golden
    from deepeval.test_case import RetrievedContextData

    goldens = [
        Golden(
            input=question,
            expected_output=answer,
            context=gold,
            retrieval_context=[*retrieved, RetrievedContextData(context="More.", source="a.md")],
            source_file="harbour.md",
            additional_metadata={"level": 1},
        )
        for question, answer, gold, retrieved in zip(
            QUESTIONS, ANSWERS, CONTEXTS, RETRIEVED, strict=True
        )
    ]
    dataset = EvaluationDataset(goldens=goldens)
    for kind in ("json", "jsonl", "csv"):
        dataset.save_as(kind, str(FILES), "deepeval")
    sent = [golden.model_dump(by_alias=True, exclude_none=True) for golden in goldens]
    text = json.dumps({"goldens": sent}, ensure_ascii=False, indent=1)
    (FILES / "deepeval_aliases.json").write_text(text + "\n", encoding="utf-8")
    talk = ConversationalGolden(scenario="A guest asks about the ferry.", expected_outcome="Booked")
    EvaluationDataset(goldens=[talk]).save_as("json", str(FILES), "deepeval_conversation")


def langsmith() -> None:
    from langsmith import Client, evaluate
    from langsmith.schemas import Example

    def number(i: int) -> UUID:
        return UUID(int=i)

    moment = datetime(2026, 1, 1, tzinfo=UTC)
    examples = [
        Example(
            id=number(i + 1),
            dataset_id=number(9),
            created_at=moment,
            inputs={"question": question},
            outputs={"answer": answer, "contexts": gold},
            metadata={"dataset_split": ["base"]},
        )
        for i, (question, answer, gold) in enumerate(zip(QUESTIONS, ANSWERS, CONTEXTS, strict=True))
    ]
    with (FILES / "langsmith.jsonl").open("w", encoding="utf-8") as file:
        file.writelines(example.model_dump_json() + "\n" for example in examples)

    def answered(inputs: dict[str, Any]) -> dict[str, Any]:
        return {"answer": f"I do not know {len(inputs['question'])}."}

    client = Client(api_key="none", api_url="http://localhost:9", auto_batch_tracing=False)
    results = evaluate(answered, data=examples, client=client, upload_results=False)
    frame = results.to_pandas().sort_values("example_id")
    # These two differ from run to run.
    frame = frame.assign(execution_time=0.25, id=[str(number(20 + i)) for i in range(3)])
    frame.to_csv(FILES / "langsmith_experiment.csv", index=False)

    shown = [
        {
            "id": str(example.id),
            "inputs": example.inputs,
            "outputs": example.outputs,
            "metadata": example.metadata,
        }
        for example in examples
    ]
    text = json.dumps({"version": 1, "name": "harbour", "examples": shown}, ensure_ascii=False)
    (FILES / "langsmith_command.json").write_text(text + "\n", encoding="utf-8")
    with (FILES / "langsmith_page.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "input_question", "output_answer", "output_contexts"])
        for row, example in zip(shown, examples, strict=True):
            inputs, outputs = example.inputs or {}, example.outputs or {}
            contexts = json.dumps(outputs["contexts"], ensure_ascii=False)
            writer.writerow([row["id"], inputs["question"], outputs["answer"], contexts])


if __name__ == "__main__":
    main()
