# `make demo` and `make test` set everything up by themselves; see README.md.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

UV_VERSION := 0.13.9
UV := .uv/bin/uv
MOT := .venv/bin/mot
PYTHON := .venv/bin/python
DEMO ?=
TEST ?=
BENCH ?=
BENCH_LIVE ?=
CHAOS ?=
PEERS ?=
PANELS ?=
KAFKA ?=

.PHONY: help setup setup-demo demo test lint kafka chaos recount bench bench-peers bench-panels generate clean

help:
	@echo "make demo      simulate customers, find their moments of truth, show them live"
	@echo "make test      lint, types, import rules and every test"
	@echo "make lint      ruff, mypy, import-linter"
	@echo "make kafka     a Kafka broker of your own on port 9092, in the foreground (Java 17 and Maven)"
	@echo "make chaos     kill, pause, corrupt and flood a live worker; compare ledgers; print a table (CHAOS=\"--only F17\")"
	@echo "make bench     measure; prints ratios against a baseline in the same run"
	@echo "make bench-peers  the same job in Faust, Quix Streams, Bytewax and here (PEERS=\"--rounds 1\")"
	@echo "make bench-panels  every query of every board over 100 million facts of 90 days (PANELS=\"--rows 1e7\"); needs 8 GB of disk"
	@echo "make recount   every indicator counted again in pandas on a million events: at once, after a stop, after a replay"
	@echo "make generate  write JSON Schemas, generated pages and dashboards anew"

# uv of a pinned version in a folder of its own: whatever uv the machine has is left alone.
$(UV):
	@python3 -m venv .uv && .uv/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

.venv/.demo: pyproject.toml uv.lock | $(UV)
	@$(UV) sync --quiet --frozen --no-default-groups --extra all --inexact
	@touch $@

.venv/.dev: pyproject.toml uv.lock | $(UV)
	@$(UV) sync --quiet --frozen --extra all --inexact
	@touch $@ .venv/.demo

setup-demo: .venv/.demo
setup: .venv/.dev

demo: setup-demo
	@$(MOT) demo $(DEMO)

lint: setup
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/lint-imports

test: lint
	$(PYTHON) -m pytest -n 2 --dist loadgroup $(TEST)

kafka: setup
	$(PYTHON) -m tests.kafka.broker $(or $(KAFKA),--port 9092 --data mot-kafka)

chaos: setup
	$(PYTHON) -m tests.chaos $(CHAOS)

bench: setup
	$(PYTHON) -m tests.benchmarks $(BENCH)
	$(PYTHON) -m tests.benchmarks.live $(BENCH_LIVE)

# An environment of its own: Quix Streams wants an older pydantic than we do.
bench-peers: setup
	@$(UV) sync --quiet --frozen --project tests/benchmarks/peers
	$(PYTHON) -m tests.benchmarks.peers $(PEERS)

bench-panels: setup
	$(PYTHON) -m tests.benchmarks.panels $(PANELS)

recount: setup
	MOT_RECOUNT_CUSTOMERS=12000 $(PYTHON) -m pytest -s tests/warehouse/test_recount.py

generate: setup
	$(MOT) schema --write
	$(PYTHON) -m detectors.readme
	$(PYTHON) -m dashboards.grafana.generate

clean:
	rm -rf .venv .uv .mypy_cache .ruff_cache mot-demo mot-kafka mot-state tests/benchmarks/peers/.venv
