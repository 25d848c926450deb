"""Words beside vectors: what finds a node whose vector says nothing, and what numbers say of it."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from corpus import Corpus
from llama_cases import TableEmbedding, read_by_a_model
from llama_index.core import MockEmbedding, VectorStoreIndex
from llama_index.core.schema import Node, NodeWithScore, QueryBundle, TextNode

from llama_index.postprocessor.sift import SIFTRerank
from llama_index.retrievers.sift import SIFTRetriever
from sift_retrievers.retrieval import Explanation
from sift_retrievers.witnesses import Witnesses

PUMPS = [
    f"The pump of series {i} has a valve, a motor and the number PX-{4001 + 7 * i}."
    for i in range(40)
]
CHINESE = [
    "太阳是太阳系中心的恒星。",
    "水在标准大气压下一百度沸腾。",
    "月亮绕着地球转，大约一个月转一圈。",
    "长城是中国古代的军事防御工程。",
    "大熊猫主要吃竹子，生活在四川。",
]
WITNESSES = {"cosine", "grams", "words", "pairs", "head_grams", "head_words", "share", "mention"}


class Alike(MockEmbedding):
    """Vectors that say nothing: all of them are equal."""

    def __init__(self) -> None:
        super().__init__(embed_dim=4)


def index_of(texts: list[str], metadata: list[dict[str, Any]] | None = None) -> VectorStoreIndex:
    about = metadata or [{} for _ in texts]
    nodes = [
        TextNode(text=text, id_=str(i), metadata=said)
        for i, (text, said) in enumerate(zip(texts, about, strict=True))
    ]
    return VectorStoreIndex(nodes, embed_model=Alike())


class Asked:
    """The retriever, or the reranker after a nearest-neighbour search."""

    def __init__(self, kind: str, index: VectorStoreIndex, k: int, **settings: Any) -> None:
        self.index = index
        self.sift = (
            SIFTRetriever(index, k, **settings)
            if kind == "retriever"
            else SIFTRerank(top_n=k, embed_model=index._embed_model, **settings)
        )

    def nearest(self, query: str | QueryBundle) -> list[NodeWithScore]:
        return self.index.as_retriever(similarity_top_k=100).retrieve(query)

    def find(self, query: str | QueryBundle) -> list[NodeWithScore]:
        if isinstance(self.sift, SIFTRetriever):
            return self.sift.retrieve(query)
        bundle = QueryBundle(query) if isinstance(query, str) else query
        return self.sift.postprocess_nodes(self.nearest(query), bundle)

    def explain(self, query: str) -> Explanation:
        if isinstance(self.sift, SIFTRetriever):
            return self.sift.explain(query)
        return self.sift.explain(self.nearest(query), query)


@pytest.fixture(params=["retriever", "rerank"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def ids(nodes: list[NodeWithScore]) -> list[str]:
    return [node.node_id for node in nodes]


@pytest.mark.parametrize("number", [3, 17, 38])
def test_a_part_number_is_found(kind: str, number: int) -> None:
    index, question = index_of(PUMPS), f"Which pump is PX-{4001 + 7 * number}?"
    for relevance in (None, "vectors+words", "words"):
        assert ids(Asked(kind, index, 1, relevance=relevance).find(question)) == [str(number)]
    # By the vectors every pump is as near.
    anywhere = {Asked(kind, index, 1, relevance="vectors").find(question)[0].node_id}
    other = f"Which pump is PX-{4001 + 7 * (number - 1)}?"
    assert ids(Asked(kind, index, 1, relevance="vectors").find(other)) == [*anywhere]


@pytest.mark.parametrize(
    ("question", "number"), [("月亮绕着什么转?", 2), ("大熊猫吃什么?", 4), ("长城是什么工程?", 3)]
)
def test_a_chinese_question_finds_its_node(kind: str, question: str, number: int) -> None:
    assert Asked(kind, index_of(CHINESE), 2).find(question)[0].node_id == str(number)


def test_a_title_is_read(kind: str) -> None:
    texts = [f"It has a valve of kind {i}." for i in range(20)]
    names = [f"PX-{4001 + 7 * i}" for i in range(20)]

    def first(key: str, **settings: Any) -> str:
        index = index_of(texts, [{key: name} for name in names])
        return Asked(kind, index, 1, **settings).find("What is PX-4092?")[0].node_id

    assert first("title") == first("heading") == first("document_title") == "13"
    assert first("name", title="name") == first("name", title=["chapter", "name"]) == "13"
    assert first("name", title=lambda node: node.node.metadata["name"]) == "13"
    assert first("name") != "13"  # metadata are no text
    assert first("title", title="name") != "13"


def test_the_text_is_read_without_metadata(kind: str) -> None:
    read: list[tuple[str, list[str]]] = []

    def judge(question: str, texts: list[str]) -> list[float]:
        read.append((question, texts))
        return [float("PX-4092" in text) for text in texts]

    index = index_of(PUMPS, [{"colour": "red"} for _ in PUMPS])
    found = Asked(kind, index, 1, relevance=judge).find("Which?")
    assert ids(found) == ["13"]
    ((question, texts),) = read
    assert question == "Which?"
    assert sorted(texts) == sorted(PUMPS)


def test_each_string_asks_with_its_own_words(kind: str) -> None:
    asked = ["Where is PX-4022?", "What is number PX-4092?"]
    bundle = QueryBundle("both", custom_embedding_strs=asked)
    assert {*ids(Asked(kind, index_of(PUMPS), 2).find(bundle))} == {"3", "13"}


def test_an_embedding_asks_with_the_words_of_its_bundle() -> None:
    retriever = SIFTRetriever(index_of(PUMPS), 1)
    bundle = QueryBundle("Where is PX-4092?", embedding=[0.5] * 4)
    assert ids(retriever.retrieve(bundle)) == ["13"]
    wordless = retriever.retrieve(QueryBundle("", embedding=[0.5] * 4))
    assert len(wordless) == 1
    assert "word_share" not in wordless[0].node.metadata


def test_scores_are_from_0_to_1_and_fall(kind: str) -> None:
    copies = index_of(PUMPS[:6] * 3)
    for settings in ({}, {"relevance": "vectors"}, {"relevance": "words"}, {"kernel": "cosine"}):
        found = Asked(kind, copies, 18, **settings).find("Which pump is PX-4015?")
        scores = [node.score for node in found if node.score is not None]
        assert len(scores) == 18
        assert all(0 <= low < high <= 1 for high, low in itertools.pairwise(scores))


def test_what_the_metadata_say(kind: str) -> None:
    found = Asked(kind, index_of(PUMPS), 5).find("Which pump is PX-4015?")
    for rank, scored in enumerate(found):
        said = scored.node.metadata
        assert [*said] == [
            "rank",
            "information_gain",
            "novelty",
            "uncertainty",
            "similarity",
            "word_share",
            "evidence_chance",
            "evidence_probably_missing",
            *(["vectors"] if kind == "rerank" else []),
            "retrieval_score",
        ]
        assert said["rank"] == rank
        assert all(0 <= said[key] <= 1 for key in ("novelty", "uncertainty", "evidence_chance"))
        assert said["similarity"] == pytest.approx(1)
        assert said["evidence_probably_missing"] is False
        assert not any(key in read_by_a_model(scored.node) for key in said)
    first, second = (node.node.metadata for node in found[:2])
    assert first["novelty"] == 1
    assert second["novelty"] < 1
    assert first["word_share"] > second["word_share"]


def test_metadata_that_were_not_replaced_stay_readable(kind: str) -> None:
    about = [{"word_share": "of the user"} for _ in PUMPS]
    index = index_of(PUMPS, about)
    vectors = Asked(kind, index, 1, relevance="vectors").find("Which pump?")
    assert "word_share: of the user" in read_by_a_model(vectors[0].node)
    both = Asked(kind, index, 1).find("Which pump?")
    assert isinstance(both[0].node.metadata["word_share"], float)
    assert "word_share" not in read_by_a_model(both[0].node)


def test_explain_shows_what_each_witness_said(kind: str) -> None:
    asked = Asked(kind, index_of(PUMPS), 2, relevance=lambda question, texts: map_of(texts))
    explained = asked.explain("Which pump is PX-4015?")
    first = explained.passages[0]
    assert first.id == "2"
    assert {*first.witnesses} == WITNESSES | {"score"}
    assert first.witnesses["cosine"] == pytest.approx(first.similarity)
    assert first.witnesses["score"] == float(len(PUMPS[2]))
    others = explained.passages[1:]
    assert all(first.witnesses["words"] > other.witnesses["words"] for other in others)
    assert all(first.relevance > other.relevance for other in others)
    assert 0 < explained.chance < 1
    assert {
        *Asked(kind, index_of(PUMPS), 2, relevance="vectors")
        .explain("Which?")
        .passages[0]
        .witnesses
    } == {"cosine"}


def map_of(texts: list[str]) -> list[float]:
    return [float(len(text)) for text in texts]


def test_min_novelty_passes_over_copies(kind: str) -> None:
    index = index_of([text for text in PUMPS[:4] for _ in range(5)])
    question = "Which pump is PX-4008?"
    assert len(Asked(kind, index, 20).find(question)) == 20
    asked = Asked(kind, index, 20, min_novelty=0.2)
    found = asked.find(question)
    assert sorted(node.node.get_content() for node in found) == PUMPS[:4]
    assert all(node.node.metadata["novelty"] >= 0.2 for node in found)
    assert asked.explain(question).stop_reason == "min_novelty"


def test_min_chance_returns_nothing_for_nonsense(corpus: Corpus) -> None:
    index = VectorStoreIndex(
        [TextNode(text=t, id_=i) for i, t in zip(corpus.ids, corpus.texts, strict=True)],
        embed_model=TableEmbedding(corpus),
    )
    sense = QueryBundle("text 0", embedding=corpus.vectors[0].tolist())
    nonsense = QueryBundle("qwrt xyzzy", embedding=np.ones(12, dtype=np.float32).tolist())
    retriever = SIFTRetriever(index, min_chance=0.25)
    assert len(retriever.retrieve(sense)) == 4
    assert retriever.retrieve(nonsense) == []
    explained = retriever.explain(nonsense)
    assert explained.stop_reason == "min_chance"
    assert explained.probably_missing
    warned = SIFTRetriever(index).retrieve(nonsense)
    assert all(node.node.metadata["evidence_probably_missing"] for node in warned)
    nearest = index.as_retriever(similarity_top_k=60).retrieve(nonsense)
    corpus.embeddings.table["qwrt xyzzy"] = np.ones(12, dtype=np.float32)
    rerank = SIFTRerank(embed_model=index._embed_model, min_chance=0.25)
    assert rerank.postprocess_nodes(nearest, query_str="qwrt xyzzy") == []


@pytest.mark.parametrize("question", ["", "   ", "???", "🙂", "the pump"])
def test_questions_without_words_of_use(question: str) -> None:
    bundle = QueryBundle(question, embedding=[0.5] * 4)
    found = SIFTRetriever(index_of(PUMPS), 5).retrieve(bundle)
    assert len({*ids(found)}) == 5
    nodes = [NodeWithScore(node=TextNode(text=text, embedding=[0.5] * 4)) for text in PUMPS]
    assert len(SIFTRerank(top_n=5, embed_model=Alike()).postprocess_nodes(nodes, bundle)) == 5


def test_nodes_without_text() -> None:
    nodes: list[Any] = [TextNode(text=""), Node(), TextNode(text="  \n"), TextNode(text="PX-4015")]
    nodes[0].__dict__["text"] = None  # as a store of its own may make it
    for node in nodes:
        node.embedding = [0.5] * 4
    given = [NodeWithScore(node=node) for node in nodes]
    rerank = SIFTRerank(embed_model=Alike(), max_tokens=10, token_counter=len)
    found = rerank.postprocess_nodes(given, query_str="PX-4015?")
    assert found[0].node_id == nodes[3].node_id
    assert len(found) == 4
    bare = SIFTRerank(embed_model=Alike()).postprocess_nodes(given[:3], query_str="PX-4015?")
    assert len(bare) == 3  # by the vectors, since nothing can be read


def test_all_alike(kind: str) -> None:
    found = Asked(kind, index_of(["The same."] * 12), 5).find("What is the same?")
    assert len({*ids(found)}) == 5
    assert found[0].node.metadata["novelty"] == 1
    assert found[1].node.metadata["novelty"] < 0.1


def test_nodes_of_the_store_stay_as_they_are(kind: str) -> None:
    index = index_of(PUMPS, [{"title": f"Pump {i}", "novelty": "none"} for i in range(40)])
    held = {key: node.model_dump_json() for key, node in index.docstore.docs.items()}
    for scored in Asked(kind, index, 9, min_novelty=0.1).find("Which pump is PX-4015?"):
        scored.node.metadata.clear()
        scored.node.excluded_llm_metadata_keys.clear()
        scored.node.excluded_embed_metadata_keys.append("title")
    assert {key: node.model_dump_json() for key, node in index.docstore.docs.items()} == held


def test_a_judge_that_gives_no_scores_is_named(kind: str) -> None:
    asked = Asked(kind, index_of(PUMPS), 2, relevance=lambda question, texts: [1.0])
    with pytest.raises(ValueError, match=r"one finite score a passage, 40 in all; got .*\(1,\)"):
        asked.find("Which?")


def test_weights(kind: str) -> None:
    index, question = index_of(PUMPS), "Which pump is PX-4015?"
    deaf = Asked(kind, index, 1, relevance=Witnesses(words=1e-9, scorer=lambda q, t: map_of(t)))
    longest = max(PUMPS, key=len)
    assert len(deaf.find(question)[0].node.get_content()) == len(longest)
    heard = Asked(kind, index, 1, relevance=Witnesses(words=9.0, scorer=lambda q, t: map_of(t)))
    assert ids(heard.find(question)) == ["2"]
