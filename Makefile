# Two commands are enough: `make run` and `make test`. Both set up what they need.
PYTHON ?= python3
VENV   := .venv
PY     := $(VENV)/bin/python
STAMP  := $(VENV)/.ready
.DEFAULT_GOAL := help

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

$(STAMP): requirements-dev.lock
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, found " + sys.version.split()[0]) if sys.version_info < (3, 11) else 0'
	$(PYTHON) -m venv $(VENV)
	$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	touch $@

setup: $(STAMP)  ## create .venv with the locked packages

run: setup  ## the demo: embedded Postgres, bundled log, dashboard on http://127.0.0.1:8080
	$(PY) -m kernel run --profile demo

test: setup  ## all tests (CI runs exactly this)
	$(PY) -m pytest -n 2 --dist loadgroup

check: lint types  ## lint, types, import contracts

lint: setup  ## ruff and the import contracts
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/lint-imports

types: setup  ## mypy --strict on bus, kernel, strategies, persistence
	$(VENV)/bin/mypy

bench: setup  ## benchmarks: prints ratios and writes bench.json
	$(PY) -m tests.bench

bench-operator: setup  ## what open pages, settings and pages cost the kernel; page queries behind 1 M trades
	$(PY) -m tests.bench.operator
	$(PY) -m tests.bench.pages

ops: setup  ## write Grafana dashboards and alert rules anew from the metric registry
	$(PY) -m kernel.compose.ops

bench-peers: setup  ## the same beside NautilusTrader, in a venv of its own
	$(PY) -m tests.bench --peers

soak: setup  ## kill -9 the kernel 100 times under load
	$(PY) -m pytest tests -m soak

sample: setup  ## make samples/demo.evl anew from its seed
	$(PY) -m kernel.compose.sample --out samples/demo.evl

lock:  ## rewrite the lock files (needs uv)
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header pyproject.toml -o requirements.lock
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --group dev pyproject.toml -o requirements-dev.lock

.PHONY: help setup run test check lint types bench bench-operator bench-peers ops soak sample lock
