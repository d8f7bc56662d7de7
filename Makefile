# Nothing but Python 3.11 to 3.14, make and git is needed. PORT=9000 and DATA=/some/folder work as make variables and as
# environment; ARGS="..." goes on to the command behind the target.

PYTHON ?= python3
ARGS ?=
# Test processes at once. Files and folders named in ARGS run in one: no second house to set up, and pdb works.
WORKERS ?= 2
LOCK = .venv/bin/uv pip compile pyproject.toml --quiet --upgrade --universal --python-version 3.11 \
	--generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links --exclude-newer P7D

# The Python of .venv starts faster than a shim on PATH; bootstrap.py makes .venv and then becomes the command.
boot = exec $(shell test -x .venv/bin/python && echo .venv/bin/python || echo $(PYTHON)) scripts/bootstrap.py

.DEFAULT_GOAL := help
.PHONY: help setup serve test check bench docs lock clean

help: ## This list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 14

setup: ## Make .venv with all that serve, test and check need
	@$(boot) --dev

serve: ## Set up and start the server on http://127.0.0.1:8080 (PORT=, DATA=)
	@$(boot) portico serve $(ARGS)

test: ## Set up and run every test (ARGS="tests/wire -q" for some)
	@$(boot) --dev python -m pytest $(if $(filter tests/%,$(ARGS)),,-n $(WORKERS) --dist loadfile) $(ARGS)

check: ## Linter, format, types, import contract, conventions
	@$(boot) --dev --no-models
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/mypy examples scripts benchmarks
	.venv/bin/lint-imports
	.venv/bin/python -m pytest -q tests/test_conventions.py tests/test_pictures.py

bench: ## Benchmarks against the peers that can be installed; writes docs/performance.md
	@$(boot) --dev python -m benchmarks $(ARGS)

docs: ## Draw the pictures, fill in the settings, check links, write the manual as HTML to build/docs
	@$(boot) --dev --no-models python scripts/make_docs.py $(ARGS)

lock: ## Make the lock files anew, from packages that are a week old
	@$(boot) --dev --no-models
	@$(LOCK) --all-extras --group setup --group vendor --output-file requirements-dev.lock
	@$(LOCK) --extra server --extra ocr --group setup --constraints requirements-dev.lock --output-file requirements.lock

clean: ## Remove .venv, caches and what was built; the data folder stays
	rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
