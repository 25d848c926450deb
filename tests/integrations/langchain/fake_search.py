"""Stand-ins for Elasticsearch and OpenSearch: as much of their REST interface as the stores use."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Callable
from typing import Any

from fake_http import Answer, FakeHTTP, ranked

SPACES = {
    "cosine": "cosine", "cosinesimil": "cosine", "cosineSimilarity": "cosine",
    "l2": "l2", "l2_norm": "l2", "l2norm": "l2", "l2Squared": "l2",
    "dot_product": "ip", "max_inner_product": "ip", "innerproduct": "ip", "dotProduct": "ip",
}  # fmt: skip


class FakeIndexes(FakeHTTP):
    """What both have in common: indexes of documents, filled in bulk."""

    def __init__(self) -> None:
        super().__init__()
        self.mappings: dict[str, dict[str, Any]] = {}
        self.documents: dict[str, dict[str, dict[str, Any]]] = {}

    def answer(self, method: str, path: str, params: dict[str, str], raw: str) -> Answer:
        parts = path.strip("/").split("/")
        if path == "/":
            return 200, self.banner()
        if parts[-1] == "_bulk":
            return 200, self._bulk(raw)
        index = parts[0]
        if parts[-1] == "_refresh":
            return 200, {}
        if method == "PUT":
            self.mappings[index] = json.loads(raw)["mappings"]["properties"]
            self.documents[index] = {}
            return 200, {"acknowledged": True, "shards_acknowledged": True, "index": index}
        if index not in self.documents:
            return 404, self._error(404, "index_not_found_exception", f"no such index [{index}]")
        if parts[-1] == "_search":
            body = json.loads(raw)
            self.searches.append(body | {"params": params})
            if self.failing:
                return 400, self._error(400, "search_phase_execution_exception", "all failed")
            return 200, self._found(index, body, params)
        return 200, None if method == "HEAD" else {index: {}}

    @abstractmethod
    def banner(self) -> dict[str, Any]: ...

    @abstractmethod
    def search(self, index: str, body: dict[str, Any]) -> list[tuple[str, float]]: ...

    @abstractmethod
    def hit(
        self, index: str, name: str, body: dict[str, Any], params: dict[str, str]
    ) -> dict[str, Any]: ...

    def with_ids(self, index: str, body: dict[str, Any]) -> list[tuple[str, float]]:
        wanted = body["query"]["ids"]["values"]
        return [(name, 1.0) for name in wanted if name in self.documents[index]]

    def field_metric(self, index: str, field: str) -> str:
        mapping = self.mappings[index][field]
        space = mapping.get("similarity") or mapping.get("method", {}).get("space_type", "l2")
        return SPACES[space]

    def _bulk(self, raw: str) -> dict[str, Any]:
        lines = iter(json.loads(line) for line in raw.splitlines())
        items = []
        for action in lines:
            ((kind, target),) = action.items()
            held = self.documents[target["_index"]]
            if kind == "delete":
                held.pop(target["_id"], None)
            else:
                held[target["_id"]] = next(lines)
            items.append({kind: {"_index": target["_index"], "_id": target["_id"], "status": 200}})
        return {"took": 1, "errors": False, "items": items}

    def _found(self, index: str, body: dict[str, Any], params: dict[str, str]) -> dict[str, Any]:
        size = int(params.get("size") or body.get("size") or 10)
        found = self.search(index, body)
        hits = [
            {"_index": index, "_id": name, "_score": score} | self.hit(index, name, body, params)
            for name, score in found[:size]
        ]
        total = {"value": len(found), "relation": "eq"}
        return {
            "took": 1,
            "timed_out": False,
            "_shards": {"total": 1, "successful": 1, "skipped": 0, "failed": 0},
            "hits": {"total": total, "max_score": None, "hits": hits},
        }

    @staticmethod
    def _error(status: int, kind: str, reason: str) -> dict[str, Any]:
        error = {"type": kind, "reason": reason}
        return {"error": error | {"root_cause": [error]}, "status": status}


class FakeElasticsearch(FakeIndexes):
    """Answers kNN and script_score queries; from 9.2 on `_source` comes without vectors."""

    def __init__(self, version: str = "9.2.0") -> None:
        super().__init__()
        self.version = version
        self.headers = {
            "X-Elastic-Product": "Elasticsearch",  # or the client refuses to talk
            "Content-Type": "application/vnd.elasticsearch+json; compatible-with=8",
        }

    def banner(self) -> dict[str, Any]:
        return {"version": {"number": self.version}, "tagline": "You Know, for Search"}

    def search(self, index: str, body: dict[str, Any]) -> list[tuple[str, float]]:
        if "ids" in body.get("query", {}):
            return self.with_ids(index, body)
        if "retriever" in body or "knn" in body:  # the words of a hybrid search are left out
            knn = body.get("knn") or body["retriever"]["rrf"]["retrievers"][1]["knn"]
            assert knn["num_candidates"] >= knn["k"], "Elasticsearch refuses fewer"
            field, query, most = knn["field"], knn["query_vector"], knn["k"]
            metric, filters = self.field_metric(index, field), knn["filter"]
        else:
            scored = body["query"]["script_score"]
            source = scored["script"]["source"]
            ((metric, field),) = [
                (name, source.split("'")[1]) for name in SPACES if f"{name}(" in source
            ]
            metric, most = SPACES[metric], None
            query = scored["script"]["params"]["query_vector"]
            filters = scored["query"].get("bool", {}).get("filter", [])
        allows = all_of(filters)
        rows = {name: row for name, row in self.documents[index].items() if field in row}
        return ranked(rows, lambda row: row[field], query, metric, allows)[:most]

    def hit(
        self, index: str, name: str, body: dict[str, Any], params: dict[str, str]
    ) -> dict[str, Any]:
        row = self.documents[index][name]
        vectors = [
            field for field, m in self.mappings[index].items() if m["type"] == "dense_vector"
        ]
        hidden = vectors if tuple(map(int, self.version.split("."))) >= (9, 2, 0) else []
        included = params["_source_includes"].split(",") if "_source_includes" in params else row
        source = {key: row[key] for key in included if key in row and key not in hidden}
        asked = [] if name in self.bare else body.get("fields", [])
        # Values of `fields` are lists: a vector's own, a list of one for others.
        fields = {key: row[key] if key in vectors else [row[key]] for key in asked if key in row}
        return {"_source": source} | ({"fields": fields} if fields else {})


class FakeOpenSearch(FakeIndexes):
    """Answers k-NN queries; a bool around one filters what is left of its k nearest."""

    headers = {"Content-Type": "application/json; charset=UTF-8"}  # noqa: RUF012

    def __init__(self, scales: bool = False) -> None:
        super().__init__()
        self.scales = scales
        """Return the vectors of cosine fields at unit length, as with Faiss."""

    def banner(self) -> dict[str, Any]:
        return {"version": {"distribution": "opensearch", "number": "3.1.0"}}

    def search(self, index: str, body: dict[str, Any]) -> list[tuple[str, float]]:
        rows, query = self.documents[index], body["query"]
        if "ids" in query:
            return self.with_ids(index, body)
        if "script_score" in query:
            scored = query["script_score"]
            params = scored["script"]["params"]
            space = params.get("space_type") or scored["script"]["source"].split("(")[1].split()[-1]
            field, allows = params["field"], all_of([scored["query"]])
            metric = SPACES[space]
            return ranked(rows, lambda row: row[field], params["query_value"], metric, allows)
        outer = query.get("bool", {"must": [query], "filter": []})
        ((field, knn),) = outer["must"][0]["knn"].items()
        assert knn["k"] <= 10_000, "OpenSearch refuses more"
        metric, allows = self.field_metric(index, field), all_of([knn.get("filter", {})])
        near = ranked(rows, lambda row: row[field], knn["vector"], metric, allows)[: knn["k"]]
        after = outer["filter"] if isinstance(outer["filter"], list) else [outer["filter"]]
        return [(name, score) for name, score in near if all_of(after)(rows[name])]

    def hit(
        self, index: str, name: str, body: dict[str, Any], params: dict[str, str]
    ) -> dict[str, Any]:
        source = dict(self.documents[index][name])
        for field, mapping in self.mappings[index].items():
            if mapping["type"] == "knn_vector" and name in self.bare:
                del source[field]
            elif self.scales and self.field_metric(index, field) == "cosine":
                length = sum(value**2 for value in source[field]) ** 0.5
                source[field] = [value / length for value in source[field]]
        return {"_source": source}


def all_of(clauses: list[dict[str, Any]]) -> Callable[[dict[str, Any]], bool]:
    """Whether a document passes all of some clauses: match_all and term are known."""

    def allows(row: dict[str, Any]) -> bool:
        for clause in clauses:
            for path, value in clause.get("term", {}).items():
                found: Any = row
                for key in path.removesuffix(".keyword").split("."):
                    found = found[key]
                if found != value:
                    return False
        return True

    return allows
