# Two commands: `make demo` hears the example idea and makes a loop for it; `make test` runs every test.
# Each makes what it needs in .venv, says what it does, and is safe to run again.

# A Python from 3.11 to 3.13; say `make demo PYTHON=python3.12` to choose.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null && echo $$p && break; done)
# The tests run on the CPU: any torch does. Say TORCH="torch --index-url ..." for another build.
TORCH ?= torch==2.13.0
# How many test processes run at once.
JOBS ?= 2
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input

.PHONY: demo test lint notebook voila browser docs gallery clean
.DEFAULT_GOAL := demo

demo: .venv/core.stamp
	@echo "== The example idea, heard; a bass loop for it, made and proven"
	$(BIN)/python -m helpers demo --out loops

test: .venv/dev.stamp lint
	@echo "== Running the tests: the panels' scripts in Node, everything else in Python"
	$(BIN)/node --test tests/js/*.test.mjs
	$(BIN)/python -m pytest -m "not browser" -n $(JOBS) --dist loadfile

lint: .venv/dev.stamp
	@echo "== Checking style and types: Python by ruff and mypy, the panels' scripts by Biome"
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m mypy helpers
	$(BIN)/biome ci

notebook: .venv/core.stamp
	$(PIP) install -q jupyterlab
	$(BIN)/python -m jupyterlab loops_generator.ipynb

# Voila cannot end the kernel of a page that is closed (its issue 1458); the server does, ten idle minutes later.
voila: .venv/core.stamp
	$(PIP) install -q voila
	$(BIN)/python -m voila --MappingKernelManager.cull_interval=60 --MappingKernelManager.cull_idle_timeout=600 \
		loops_generator.ipynb

browser: .venv/dev.stamp
	@echo "== Driving the notebook in a real browser (needs chromium; CHROMIUM=/path/to/it names another)"
	$(PIP) install -q -r requirements-browser.txt
	$(BIN)/python -m pytest -m browser tests/browser

gallery: .venv/core.stamp
	@echo "== Six ideas, eight instruments, two genres: a page with players in build/gallery"
	$(BIN)/python -m examples.gallery build/gallery

docs: .venv/dev.stamp
	@echo "== Building the API pages from the docstrings into build/docs"
	$(BIN)/python -m docs.tables
	$(BIN)/python -m pdoc --docformat numpy --output-directory build/docs helpers

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "No Python from 3.11 to 3.13 was found; install one, or say make PYTHON=/path/to/python3.12" >&2; exit 2; }
	@echo "== Making .venv with $$($(PYTHON) --version)"
	$(PYTHON) -m venv .venv

.venv/core.stamp: .venv/bin/python requirements.txt requirements-ears.txt
	@echo "== Installing what analysis, sketch and loops need (no torch)"
	$(PIP) install -q --prefer-binary -r requirements.txt
	$(PIP) install -q --no-deps -r requirements-ears.txt
	@touch $@

.venv/dev.stamp: .venv/core.stamp requirements-dev.txt requirements-diffusers.txt
	@echo "== Installing torch for the CPU, the model libraries and the test tools (a few minutes the first time)"
	$(PIP) install -q $(TORCH)
	$(PIP) install -q --prefer-binary -r requirements-dev.txt -r requirements-diffusers.txt
	@touch $@

clean:
	rm -rf .venv .cache .pytest_cache .ruff_cache .hypothesis build
