# Everything here works in a fresh clone with nothing but Python 3.11 and its venv module.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# A worker of the tests, or a command that a test starts, would compile everything again without these files.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo test lint format coverage bench bench-intake bench-memory bench-outbox profile fuzz chaos test-all test-newest docs reference release pictures clean

help:
	@echo 'make demo      deliver the sample events to a stand-in for FullStory on this machine'
	@echo 'make test      lint, types, contracts between modules, tests'
	@echo 'make test-all  the tests on each Python from 3.11 to 3.14 that is there'
	@echo 'make lint      lint, types and contracts only'
	@echo 'make format    format the code and mend what the linter can mend'
	@echo 'make coverage  the tests in one process, with branch coverage'
	@echo 'make fuzz      a million random cases and 20,000 random cancellations'
	@echo 'make chaos     kill processes and a broker while they deliver, and count what is lost'
	@echo 'make bench     how fast this is beside the package it mirrors (needs node)'
	@echo 'make docs      the site of docs/, into build/docs; warnings are errors'
	@echo 'make reference the pages of docs/reference that are made from the code'
	@echo 'make release   build wheel and sdist, check them, install them on each Python that is there'
	@echo 'make pictures  screenshots of the console for the docs (needs chromium)'
	@echo 'make clean     remove the virtual environment and every cache'

# A stamp for each set of extras: pip runs again only after pyproject.toml has changed. The install is
# editable, so that a change of the code needs no new one.
$(BIN)/python:
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo 'Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11' >&2; exit 1; }
	"$(PYTHON)" -m venv $(VENV)

$(VENV)/.demo: pyproject.toml | $(BIN)/python
	@echo 'installing into $(VENV), once'
	@$(BIN)/python -m pip install -qq --editable '.[cli,fast]'
	@touch $@

$(VENV)/.dev: pyproject.toml | $(BIN)/python
	@echo 'installing the tools into $(VENV), once'
	@$(BIN)/python -m pip install -qq --editable '.[dev]'
	@touch $@ $(VENV)/.demo

demo: $(VENV)/.demo
	@$(BIN)/python examples/demo.py

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# The tests of the console that need a browser are left out where there is none: CHROMIUM names one elsewhere.
test: lint
	@command -v "$${CHROMIUM:-chromium}" >/dev/null || echo 'no chromium here: the browser tests of the console are left out (apt-get install chromium)'
	$(BIN)/python -m pytest -n auto --dist worksteal

# The whole suite on each Python found; the core's tests on the newest one.
test-all: $(VENV)/.dev
	$(BIN)/python tests/every_python.py

test-newest: $(VENV)/.dev
	$(BIN)/python tests/every_python.py --newest

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

coverage: $(VENV)/.dev
	$(BIN)/coverage run -m pytest
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

benchmarks/node_modules: benchmarks/package.json
	cd benchmarks && npm install --silent
	@touch $@

bench: $(VENV)/.dev benchmarks/node_modules
	$(BIN)/python benchmarks/bench.py
	@$(MAKE) --no-print-directory bench-outbox bench-intake

# What an outbox costs beside send_many, what a million waiting events cost, one dead instance of 20, and two
# workers at a broker.
bench-outbox: $(VENV)/.dev
	$(BIN)/python benchmarks/outbox.py
	$(BIN)/python benchmarks/isolation.py
	$(BIN)/python benchmarks/broker.py

# Events that come in over HTTP, beside a server that only answers.
bench-intake: $(VENV)/.dev
	$(BIN)/python benchmarks/intake.py

bench-memory: $(VENV)/.dev
	$(BIN)/python benchmarks/memory.py

profile: $(VENV)/.dev
	$(BIN)/python benchmarks/stages.py

# About an hour on one core: FUZZ_CASES, FUZZ_JOBS and FUZZ_SEED say how many, in how many processes, and which;
# EXAMPLES, how many times the usual number the tests of properties try (the suite: 0.4 times).
FUZZ_CASES ?= 1000000
FUZZ_JOBS ?= 2
FUZZ_SEED ?= 1
EXAMPLES ?= 20
fuzz: $(VENV)/.dev
	EXAMPLES=$(EXAMPLES) $(BIN)/python -m pytest -n auto $$(grep -rl 'from hypothesis' --include='test_*.py' tests)
	$(BIN)/python -m tests.fuzz --cases $(FUZZ_CASES) --jobs $(FUZZ_JOBS) --seed $(FUZZ_SEED)
	$(BIN)/python -m tests.fuzz --cancellations 20000 --seed $(FUZZ_SEED)

# About half an hour on two cores: CHAOS_KILLS says how often, CHAOS_EVENTS how many events go through a run.
CHAOS_KILLS ?= 100
CHAOS_EVENTS ?= 20000
CHAOS_RUNS ?= 2000
chaos: $(VENV)/.dev
	$(BIN)/python -m tests.chaos $(CHAOS_KILLS) $(CHAOS_EVENTS)
	$(BIN)/python -m tests.chaos_broker $$(( ($(CHAOS_KILLS) + 1) / 2 ))
	OUTBOX_KILLS=$(CHAOS_KILLS) $(BIN)/python -m pytest -n 0 -s tests/actions_core/delivery/file/test_chaos.py
	OUTBOX_RUNS=$(CHAOS_RUNS) $(BIN)/python -m pytest -n 0 -s tests/actions_core/delivery/file/test_state_machine.py

# The site, of which every warning is an error: a link that leads nowhere, a page that no other names.
docs: $(VENV)/.dev
	$(BIN)/python -m sphinx --builder html --fail-on-warning --keep-going --fresh-env --quiet docs build/docs
	$(BIN)/python docs/tools/offline.py build/docs

# Commands, schemas, docstrings and codes as pages; the tests compare them with the code.
reference: $(VENV)/.dev
	$(BIN)/python docs/tools/reference.py

# Into build/release; nothing is published.
release: $(VENV)/.dev
	$(BIN)/python tests/release.py

# Screenshots of the console for docs/: light and dark, wide and narrow. They need Chromium.
pictures: $(VENV)/.dev
	$(BIN)/python tests/pictures.py

clean:
	rm -rf $(VENV) .venv-* .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
