# Everything a developer types. Each target is one command; the first one sets up .venv by itself.
.PHONY: help serve test check bench docs lock

PY := .venv/bin/python
PIP := PYTHONWARNINGS=ignore $(PY) -m pip --disable-pip-version-check install --quiet --no-input
# UV compiles the locks; index addresses stay out of them so that any mirror can serve them.
COMPILE := .venv/bin/uv pip compile pyproject.toml --quiet --generate-hashes --no-emit-index-url \
	--no-emit-find-links --no-header --python-version 3.11 --universal
TESTS ?= tests
PYTEST_ARGS ?= -n 2 --dist loadscope

help:
	@echo "make serve | test | check | bench | docs | lock"

serve: .venv/ready
	@exec .venv/bin/instroom serve

test: .venv/ready-dev
	$(PY) -m pytest -q -rs $(PYTEST_ARGS) $(TESTS)

check: .venv/ready-dev
	.venv/bin/ruff format --check . && .venv/bin/ruff check . && .venv/bin/mypy

bench: .venv/ready-dev .venv-bench/ready
	$(PY) -m benchmarks.what_if && $(PY) -m benchmarks.page_edit && $(PY) -m benchmarks.memory && $(PY) -m benchmarks.start && $(PY) -m benchmarks.sampler
	$(PY) -m benchmarks.split_paths --http && $(PY) -m benchmarks.totals && $(PY) -m benchmarks.scaling
	.venv-bench/bin/python -m benchmarks.accuracy

docs: .venv/ready-dev
	$(PY) -m docs.model_card && $(PY) -m docs.two_sources && $(PY) docs/pictures.py

# The last one starts from the second: it differs only where the peers of the accuracy benchmark need it to.
lock: .venv/ready-dev
	$(COMPILE) --extra dev -o requirements-dev.lock && $(COMPILE) -c requirements-dev.lock -o requirements.lock
	cp requirements-dev.lock requirements-bench.lock && $(COMPILE) --extra dev --extra peers -o requirements-bench.lock

# Stamps: a second start compares four dates and does nothing else.
.venv/ready: requirements.lock pyproject.toml | .venv/bin/python
	@echo "Installing the locked packages into .venv (once; some minutes on a slow line)"
	@$(PIP) --require-hashes -r requirements.lock
	@$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

.venv/ready-dev: requirements-dev.lock pyproject.toml | .venv/bin/python
	@echo "Installing the locked packages for development into .venv (once)"
	@$(PIP) --require-hashes -r requirements-dev.lock
	@$(PIP) --no-deps --no-build-isolation -e .
	@touch .venv/ready $@

# The peers need an older pandas than the locked one, so they have an environment of their own.
.venv-bench/ready: requirements-bench.lock pyproject.toml | .venv/bin/python
	@echo "Installing the locked packages and the peers of the accuracy benchmark into .venv-bench (once)"
	@$(PY) -m venv .venv-bench
	@$(PIP:.venv/bin/python=.venv-bench/bin/python) --require-hashes -r requirements-bench.lock
	@$(PIP:.venv/bin/python=.venv-bench/bin/python) --no-deps --no-build-isolation -e .
	@touch $@

.venv/bin/python:
	@sh .ci/venv
