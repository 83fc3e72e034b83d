# Everything that a person or CI starts. `make help` lists it.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

BIN := .venv/bin
JOBS ?= 2
PEOPLE ?= 3000
DAYS ?= 60
SEED ?= 7
# The morning after an outage begins in the demo world: at 0.6 of its days.
HOUR_FROM ?= 2025-04-08T05:30
HOUR_TO ?= 2025-04-08T06:30
KILLS ?= 300
CATALOGUES := $(patsubst %.po,%.mo,$(wildcard src/entregent/locale/*/LC_MESSAGES/*.po))

export PYTHONUTF8 := 1

.PHONY: help
help: ## list what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: environment
environment:
	@scripts/environment.sh runtime
	@$(MAKE) -s catalogues

.PHONY: environment-dev
environment-dev:
	@scripts/environment.sh dev
	@$(MAKE) -s catalogues

.PHONY: catalogues
catalogues: $(CATALOGUES)

%.mo: %.po
	@$(BIN)/pybabel --quiet compile --domain $(basename $(notdir $<)) --directory src/entregent/locale

.PHONY: demo
demo: environment ## make the demo world, study it, listen to an hour of it, say where to open the report
	@rm -rf demo
	@echo "Compiling loops for this machine: up to half a minute the first time, then a second or two"
	@$(BIN)/entregent warm --quiet
	@$(BIN)/entregent world --people $(PEOPLE) --days $(DAYS) --seed $(SEED) --format x --out demo/world
	@$(BIN)/entregent study demo/world/conversation.jsonl --title "Demo world" --purpose "Try Entregent out" \
		--edges demo/world/edges.csv --seed $(SEED) --out demo/study
	@echo "An hour of it as if it came now, twenty minutes in a second, with a watch on the brand:"
	@$(BIN)/entregent watch add Ferrolune ferrolune --budget 1/month --home demo/home
	@$(BIN)/entregent listen --quiet --home demo/home --replay demo/world/conversation.jsonl \
		--speed 1200 --pace-from $(HOUR_FROM) --play-until $(HOUR_TO) --seed $(SEED)
	@if [ -z "$${CI:-}" ]; then echo "Once more in French: $(BIN)/entregent study demo/world/conversation.jsonl --lang fr --out demo/etude"; fi

.PHONY: format
format: environment-dev ## put the code in its form
	@$(BIN)/ruff check --quiet --fix .
	@$(BIN)/ruff format --quiet .

.PHONY: lint
lint: environment-dev ## style, types, arrows between rooms
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

.PHONY: docs
docs: environment-dev ## build the documentation into docs/_build
	$(BIN)/python scripts/cli_help.py --check
	$(BIN)/sphinx-build -W --keep-going -q -b html docs docs/_build/html

.PHONY: test
test: lint docs ## everything that must hold: lint, docs, all tests
	$(BIN)/python -m pytest -n $(JOBS)

.PHONY: boxes
boxes: ## install what tests need beside Python: a browser, a Bluesky network (Debian, as root)
	@scripts/boxes.sh

.PHONY: bench
bench: environment-dev ## short runs of the benchmarks
	$(BIN)/python benchmarks/ingest.py --short
	$(BIN)/python benchmarks/archive.py --rows 200000 --group-rows 500000 --live-rows 10000
	$(BIN)/python benchmarks/search.py --people 2000 --days 30
	$(BIN)/python benchmarks/world.py --people 10000 --days 30
	$(BIN)/python benchmarks/heard_coverage.py --short

.PHONY: crash
crash: environment-dev ## kill a listener KILLS times and see that no post is lost or doubled
	@PYTHONPATH=tests $(BIN)/python -m crash.kills --kills $(KILLS) --seed $(SEED)

.PHONY: clean
clean: ## remove what was made, .venv included
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache demo dist docs/_build
	@find src tests -name __pycache__ -prune -exec rm -rf {} +
	@find src -name '*.mo' -delete
