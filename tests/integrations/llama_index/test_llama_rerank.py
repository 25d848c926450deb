"""`SIFTRerank`: any retriever's nodes, chosen by information gain."""

from __future__ import annotations

from typing import Any

import llama_index.core.instrumentation as instrument
import numpy as np
import pytest
from corpus import Corpus
from llama_cases import CASES, TableEmbedding, model_of, nodes_of, read_by_a_model
from llama_index.core import Settings, VectorStoreIndex
from llama_index.core.callbacks import CallbackManager, CBEventType, LlamaDebugHandler
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.instrumentation.events.rerank import ReRankEndEvent, ReRankStartEvent
from llama_index.core.postprocessor import LongContextReorder
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.schema import MetadataMode, NodeWithScore, QueryBundle

from llama_index.postprocessor.sift import SIFTRerank
from llama_index.retrievers.sift import SIFTRetriever
from sift_retrievers import RelevanceWeighted, select
from sift_retrievers.coverage import cover
from sift_retrievers.retrieval.cosines import cosines
from sift_retrievers.witnesses import Witnesses, phrase_coverage
from sift_retrievers.witnesses.relevance import NAMED_WITNESSES, combine_witnesses
from sift_retrievers.witnesses.texts import PassageTexts

BY_VECTORS: Any = {"kernel": "relevance", "lambda_": 0.2, "objective": "undirected"}


@pytest.fixture
def found(corpus: Corpus) -> list[NodeWithScore]:
    """What a retriever without vectors returns."""
    return [NodeWithScore(node=n, score=1.0 / (i + 1)) for i, n in enumerate(nodes_of(corpus)[:20])]


def ids(nodes: list[NodeWithScore]) -> list[str]:
    return [node.node_id for node in nodes]


def expected(corpus: Corpus, k: int = 4, **options: Any) -> list[str]:
    """What `relevance="vectors"` picks from the first twenty."""
    picks = select(corpus.query_vector(), corpus.vectors[:20], k, **BY_VECTORS | options).indices
    return [corpus.ids[i] for i in picks]


def test_missing_vectors_are_embedded_in_one_call(
    corpus: Corpus, found: list[NodeWithScore]
) -> None:
    model = TableEmbedding(corpus, embed_batch_size=100)
    before = [node.model_dump_json() for node in found]
    rerank = SIFTRerank(embed_model=model, relevance="vectors")
    chosen = rerank.postprocess_nodes(found, query_str=corpus.queries[0])
    assert ids(chosen) == expected(corpus)
    assert [len(batch) for batch in model._batches] == [20]
    assert model._batches[0][0] == "number: 0\nparity: even\n\ntext 0"  # MetadataMode.EMBED
    rerank.postprocess_nodes(found, query_str=corpus.queries[0])
    assert len(model._batches) == 1
    chosen[0].node.metadata.clear()
    assert [node.model_dump_json() for node in found] == before


def test_scores_and_metadata(corpus: Corpus, found: list[NodeWithScore]) -> None:
    chosen = SIFTRerank(top_n=6, embed_model=TableEmbedding(corpus)).postprocess_nodes(
        found, query_str=corpus.queries[0]
    )
    scores = [node.score or 0.0 for node in chosen]
    assert scores == sorted(scores, reverse=True)
    assert len(set(scores)) == 6
    assert 0 < scores[-1] < scores[0] <= 1
    for rank, scored in enumerate(chosen):
        said = scored.node.metadata
        assert said["rank"] == rank
        assert said["retrieval_score"] == pytest.approx(1 / (said["number"] + 1))
        assert "gain" not in read_by_a_model(scored.node)


def test_a_postprocessor_that_sorts_by_score_keeps_the_selection(
    corpus: Corpus, found: list[NodeWithScore]
) -> None:
    chosen = SIFTRerank(top_n=6, embed_model=TableEmbedding(corpus)).postprocess_nodes(
        found, query_str=corpus.queries[0]
    )
    again = LongContextReorder().postprocess_nodes(chosen)
    best_last = [node.node.metadata["rank"] for node in again]
    assert sorted(best_last) == [*range(6)]
    assert {best_last[0], best_last[-1]} == {0, 1}  # the best stand at the ends


def test_a_second_selection_is_not_misled_by_the_first(
    corpus: Corpus, found: list[NodeWithScore]
) -> None:
    """The numbers of another query are in the metadata, but not in the text that is embedded."""
    model = TableEmbedding(corpus)
    first = SIFTRerank(top_n=20, embed_model=model).postprocess_nodes(
        found, query_str=corpus.queries[1]
    )
    for node in first:
        node.node.excluded_embed_metadata_keys = []
    again = SIFTRerank(embed_model=model, lambda_=0.3)
    texts = {text for batch in model._batches for text in batch}
    again.postprocess_nodes(first, query_str=corpus.queries[0])
    assert {text for batch in model._batches for text in batch} == texts


@pytest.mark.parametrize("store_name", [*CASES])
def test_vectors_from_a_store(store_name: str, corpus: Corpus) -> None:
    index = CASES[store_name].index(corpus)
    model = model_of(index)
    found = [NodeWithScore(node=node) for node in nodes_of(corpus)[:20]]
    if store_name.startswith("Faiss") and store_name != "FaissMap":
        with pytest.raises(ValueError, match="knows positions, not the ids of nodes"):
            SIFTRerank(embed_model=model, vector_store=index.vector_store)
        return
    rerank = SIFTRerank(embed_model=model, vector_store=index.vector_store, relevance="vectors")
    assert ids(rerank.postprocess_nodes(found, query_str=corpus.queries[0])) == expected(corpus)


def test_a_nodes_own_vector(corpus: Corpus, found: list[NodeWithScore]) -> None:
    model = TableEmbedding(corpus)
    model.sealed = True
    for node, vector in zip(found, corpus.vectors, strict=False):
        node.node.embedding = vector.tolist()
    rerank = SIFTRerank(embed_model=model, relevance="vectors")
    chosen = rerank.postprocess_nodes(found, query_str=corpus.queries[0])
    assert ids(chosen) == expected(corpus)


def test_the_model_of_the_settings(
    corpus: Corpus, found: list[NodeWithScore], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Settings, "_embed_model", TableEmbedding(corpus))
    rerank = SIFTRerank(relevance="vectors")
    chosen = rerank.postprocess_nodes(found, query_str=corpus.queries[0])
    assert ids(chosen) == expected(corpus)


async def test_async_gives_the_same(corpus: Corpus, found: list[NodeWithScore]) -> None:
    rerank = SIFTRerank(embed_model=TableEmbedding(corpus))
    bundle = QueryBundle(corpus.queries[0])
    want = rerank.postprocess_nodes(found, bundle)
    assert await rerank.apostprocess_nodes(found, bundle) == want


def test_several_strings_are_several_targets(corpus: Corpus, found: list[NodeWithScore]) -> None:
    targets = np.stack([corpus.query_vector(i) for i in (0, 2)])[None]
    picks = select(targets, corpus.vectors[:20], 4, lambda_=3.0).indices[0]
    bundle = QueryBundle("q", custom_embedding_strs=[corpus.queries[0], corpus.queries[2]])
    rerank = SIFTRerank(embed_model=TableEmbedding(corpus), kernel="cosine")
    assert ids(rerank.postprocess_nodes(found, bundle)) == [corpus.ids[i] for i in picks]


class Events(BaseEventHandler):
    seen: list[Any]

    def handle(self, event: Any, **kwargs: Any) -> None:
        self.seen.append(event)


def test_events(corpus: Corpus, found: list[NodeWithScore]) -> None:
    events, debug = Events(seen=[]), LlamaDebugHandler(print_trace_on_end=False)
    root = instrument.get_dispatcher()
    root.add_event_handler(events)
    try:
        chosen = SIFTRerank(
            top_n=3, embed_model=TableEmbedding(corpus), callback_manager=CallbackManager([debug])
        ).postprocess_nodes(found, query_str=corpus.queries[0])
    finally:
        root.event_handlers.remove(events)
    start = next(event for event in events.seen if isinstance(event, ReRankStartEvent))
    end = next(event for event in events.seen if isinstance(event, ReRankEndEvent))
    assert (start.top_n, start.model_name, len(start.nodes)) == (3, "table", 20)
    assert ids(end.nodes) == ids(chosen)
    ((began, ended),) = debug.get_event_pairs(CBEventType.RERANKING)
    assert began.payload is not None
    assert ended.payload is not None
    assert began.payload["top_k"] == 3


class Judge(BaseNodePostprocessor):
    """Another reranker: prefers one node, drops one, writes into what it is given."""

    scale: tuple[float, float] = (0.0, 1.0)

    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        for node in nodes:
            number = node.node.metadata["number"]
            node.node.metadata["judged"] = True
            node.score = self.scale[number == 7]
        return [node for node in nodes if node.node.metadata["number"] != 3]


def test_relevance_from_another_reranker(corpus: Corpus, found: list[NodeWithScore]) -> None:
    model = TableEmbedding(corpus)
    rerank = SIFTRerank(embed_model=model, reranker=Judge(), top_n=19)
    chosen = rerank.postprocess_nodes(found, query_str=corpus.queries[0])
    keep = [i for i in range(20) if i != 3]
    texts = [corpus.texts[i] for i in keep]
    near = cosines(corpus.vectors[keep], corpus.query_vector()[None])
    scores = [float(i == 7) for i in keep]
    heard = combine_witnesses(
        near,
        [corpus.queries[0]],
        PassageTexts.read(texts),
        NAMED_WITNESSES["vectors+words"],
        scores,
    )
    covered = phrase_coverage(texts, corpus.queries[0], level=heard.chance)
    picks = cover(covered, heard.total, 19).indices
    assert ids(chosen) == [corpus.ids[keep[i]] for i in picks]
    assert chosen[0].node.metadata["number"] == 7
    assert "judged" not in found[0].node.metadata
    gentle = SIFTRerank(embed_model=model, reranker=Judge(), kernel=RelevanceWeighted(gamma=0.0))
    assert corpus.ids[3] not in ids(gentle.postprocess_nodes(found, query_str=corpus.queries[0]))
    explained = rerank.explain(found, corpus.queries[0])
    assert len(explained.passages) == 19
    assert explained.passages[0].witnesses["score"] == 1.0


@pytest.mark.parametrize("scale", [(-11.5, 9.25), (0.999, 1.0), (-3e4, -1.0)])
def test_the_scale_of_a_reranker_does_not_matter(
    corpus: Corpus, found: list[NodeWithScore], scale: tuple[float, float]
) -> None:
    def chosen(reranker: Judge) -> list[str]:
        rerank = SIFTRerank(embed_model=TableEmbedding(corpus), reranker=reranker, top_n=10)
        return ids(rerank.postprocess_nodes(found, query_str=corpus.queries[0]))

    assert chosen(Judge(scale=scale)) == chosen(Judge())


def test_a_reranker_that_only_sorts_out(corpus: Corpus, found: list[NodeWithScore]) -> None:
    settings: dict[str, Any] = {"embed_model": TableEmbedding(corpus), "top_n": 19}
    deaf = SIFTRerank(reranker=Judge(), relevance=Witnesses(scores=0.0), **settings)
    kept = [node for node in found if node.node.metadata["number"] != 3]
    want = SIFTRerank(**settings).postprocess_nodes(kept, query_str=corpus.queries[0])
    assert ids(deaf.postprocess_nodes(found, query_str=corpus.queries[0])) == ids(want)


def test_a_reranker_that_drops_all(corpus: Corpus, found: list[NodeWithScore]) -> None:
    class Nothing(BaseNodePostprocessor):
        def _postprocess_nodes(
            self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
        ) -> list[NodeWithScore]:
            return []

    rerank = SIFTRerank(embed_model=TableEmbedding(corpus), reranker=Nothing())
    assert rerank.postprocess_nodes(found, query_str=corpus.queries[0]) == []


def test_a_reranker_reads_metadata_of_our_names(corpus: Corpus) -> None:
    read: list[str] = []

    class Reads(BaseNodePostprocessor):
        def _postprocess_nodes(
            self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
        ) -> list[NodeWithScore]:
            read.extend(node.node.get_content(MetadataMode.EMBED) for node in nodes)
            return [NodeWithScore(node=node.node, score=0.5) for node in nodes]

    nodes = nodes_of(corpus)[:5]
    for node in nodes:
        node.metadata["novelty"] = "a sword"
    rerank = SIFTRerank(embed_model=TableEmbedding(corpus), reranker=Reads())
    rerank.postprocess_nodes([NodeWithScore(node=n) for n in nodes], query_str=corpus.queries[0])
    assert all("novelty: a sword" in text for text in read)


def test_nodes_found_twice_come_back_once(corpus: Corpus, found: list[NodeWithScore]) -> None:
    rerank = SIFTRerank(embed_model=TableEmbedding(corpus), top_n=40)
    again = [NodeWithScore(node=node.node.model_copy()) for node in found]
    for node, vector in zip(again, corpus.vectors, strict=False):
        node.node.embedding = vector.tolist()
        node.node.metadata = node.node.metadata | {"from": "elsewhere"}
    doubled = rerank.postprocess_nodes(found + again, query_str=corpus.queries[0])
    assert sorted(ids(doubled)) == sorted(ids(found))
    assert "from" not in doubled[0].node.metadata  # the first one found


async def test_in_an_engine_sync_and_async_ask_for_the_same(
    simple: VectorStoreIndex, corpus: Corpus
) -> None:
    """LlamaIndex's retriever writes the mean of several strings into the bundle."""
    from llama_index.core.llms import MockLLM

    rerank = SIFTRerank(top_n=5, embed_model=model_of(simple), vector_store=simple.vector_store)
    engine = simple.as_query_engine(
        llm=MockLLM(), similarity_top_k=60, node_postprocessors=[rerank]
    )

    def bundle() -> QueryBundle:
        return QueryBundle("both", custom_embedding_strs=[corpus.queries[0], corpus.queries[2]])

    sync, found = engine.query(bundle()), await engine.aquery(bundle())
    assert ids(sync.source_nodes) == ids(found.source_nodes)
    asked = bundle()
    nearest = simple.as_retriever(similarity_top_k=60).retrieve(asked)
    assert asked.embedding is not None
    assert rerank.explain(nearest, asked).targets == 2


def test_settings_may_change(corpus: Corpus, found: list[NodeWithScore]) -> None:
    rerank = SIFTRerank(embed_model=TableEmbedding(corpus), relevance="vectors")
    rerank.lambda_ = 0.01
    assert ids(rerank.postprocess_nodes(found, query_str=corpus.queries[0])) == expected(
        corpus, lambda_=0.01
    )


def test_metadata_of_our_names_is_embedded_as_it_was(corpus: Corpus) -> None:
    model = TableEmbedding(corpus, embed_batch_size=100)
    nodes = nodes_of(corpus)[:20]
    for node in nodes:
        node.metadata["rank"] = "colonel"
    rerank = SIFTRerank(embed_model=model)
    found = [NodeWithScore(node=node) for node in nodes]
    rerank.postprocess_nodes(found, query_str=corpus.queries[0])
    assert "rank: colonel" in model._batches[0][0]


def test_a_reranker_and_metadata_that_cannot_be_copied(
    corpus: Corpus, found: list[NodeWithScore]
) -> None:
    import threading

    for node in found:
        node.node.metadata["lock"] = threading.Lock()
        node.node.excluded_embed_metadata_keys = ["lock"]
    rerank = SIFTRerank(embed_model=TableEmbedding(corpus), reranker=Judge())
    assert len(rerank.postprocess_nodes(found, query_str=corpus.queries[0])) == 4


def test_a_reranker_without_scores(corpus: Corpus, found: list[NodeWithScore]) -> None:
    class Silent(BaseNodePostprocessor):
        def _postprocess_nodes(
            self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
        ) -> list[NodeWithScore]:
            return [NodeWithScore(node=node.node) for node in nodes]

    rerank = SIFTRerank(embed_model=TableEmbedding(corpus), reranker=Silent())
    with pytest.raises(ValueError, match="Silent gave 20 of 20 nodes no score"):
        rerank.postprocess_nodes(found, query_str=corpus.queries[0])
    rerank.reranker = Judge(scale=(0.0, float("nan")))
    with pytest.raises(ValueError, match=r"one finite score a passage, 19 in all.* 1 NaN"):
        rerank.postprocess_nodes(found, query_str=corpus.queries[0])


def test_the_same_rules_as_the_retriever(simple: VectorStoreIndex, corpus: Corpus) -> None:
    rules: dict[str, Any] = {"distinct_by": "parity", "similarity_cutoff": 0.0, "lambda_": 0.3}
    nearest = simple.as_retriever(similarity_top_k=60).retrieve(corpus.queries[0])
    rerank = SIFTRerank(embed_model=model_of(simple), vector_store=simple.vector_store, **rules)
    chosen = rerank.postprocess_nodes(nearest, query_str=corpus.queries[0])
    assert ids(chosen) == ids(SIFTRetriever(simple, **rules).retrieve(corpus.queries[0]))


def test_explain(corpus: Corpus, found: list[NodeWithScore]) -> None:
    rerank = SIFTRerank(embed_model=TableEmbedding(corpus), relevance="vectors")
    explained = rerank.explain(found, corpus.queries[0])
    assert [p.id for p in explained.chosen] == expected(corpus)
    assert explained.settings["top_n"] == 4
    assert explained.settings["relevance"] == NAMED_WITNESSES["vectors"]


def test_it_can_be_written_down(corpus: Corpus) -> None:
    rerank = SIFTRerank(top_n=3, lambda_=0.5, embed_model=TableEmbedding(corpus))
    assert rerank.class_name() == "SIFTRerank"
    written = rerank.to_dict()
    assert (written["top_n"], written["lambda_"], written["class_name"]) == (3, 0.5, "SIFTRerank")
    assert (written["relevance"], written["kernel"], written["objective"]) == (None, None, None)


@pytest.mark.parametrize("relevance", ["words", Witnesses(words=0.25, scores=1.0), None])
def test_what_was_written_down_can_be_read_again(relevance: Any) -> None:
    settings: dict[str, Any] = {
        "relevance": relevance,
        "title": ["title", "section"],
        "min_novelty": 0.2,
        "min_chance": 0.1,
    }
    rerank = SIFTRerank(**settings)
    again = SIFTRerank.from_json(rerank.to_json())
    assert {name: getattr(again, name) for name in settings} == settings
    assert again.rules() == rerank.rules()


def test_functions_are_not_written_down() -> None:
    rerank = SIFTRerank(
        relevance=lambda question, texts: [0.0 for _ in texts],
        title=lambda node: node.metadata["name"],
        distinct_by=lambda node: node.node_id,
        max_tokens=100,
        token_counter=len,
    )
    written = SIFTRerank.from_json(rerank.to_json())
    assert (written.relevance, written.title, written.distinct_by) == (None, None, None)
    assert written.max_tokens == 100


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"top_n": 0}, "top_n must be a whole number of at least 1; got 0"),
        ({"lambda_": -1.0}, "lambda_ must be positive"),
        ({"kernel": "euclid"}, "kernel must be one of"),
        ({"topn": 3}, "Extra inputs are not permitted"),
        (
            {"reranker": Judge(), "kernel": "cosine"},
            'a reranker goes with the kernels "phrases" and "relevance"; got \'cosine\'',
        ),
        ({"reranker": Judge(), "relevance": lambda q, t: t}, "there is place for one of them"),
        ({"relevance": "word"}, "relevance must be one of .*got 'word'"),
        ({"relevance": {"words": -1}}, "a witness's weight is a finite number of at least 0"),
        (
            {"relevance": {"vectors": 0, "words": 0, "scores": 0}},
            "at least one witness must have a weight above 0",
        ),
        ({"title": ["title", 3]}, r"title must be a metadata key.*got \['title', 3\]"),
        ({"min_novelty": -1.0}, "min_novelty must be from 0 to 1"),
        ({"min_chance": 7.0}, "min_chance must be from 0 to 1"),
        (
            {"kernel": "phrases", "objective": "variance"},
            """the kernel 'phrases' has the objective "undirected"; got 'variance'""",
        ),
    ],
)
def test_settings_that_make_no_sense(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SIFTRerank(**settings)


def test_without_a_query(corpus: Corpus, found: list[NodeWithScore]) -> None:
    rerank = SIFTRerank(embed_model=TableEmbedding(corpus))
    with pytest.raises(ValueError, match="needs the query"):
        rerank.postprocess_nodes(found)
    assert rerank.postprocess_nodes([], query_str="q") == []


def test_vectors_of_another_dimension(corpus: Corpus, found: list[NodeWithScore]) -> None:
    for node in found:
        node.node.embedding = [1.0, 2.0]
    with pytest.raises(ValueError, match=r"vectors of shape \(2,\).*dimension 12"):
        SIFTRerank(embed_model=TableEmbedding(corpus)).postprocess_nodes(
            found, query_str=corpus.queries[0]
        )
