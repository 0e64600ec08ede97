# The targets that people and CI use. Each makes the virtual environment if it is not there yet.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: demo test test-ecosystem check format bench bench-ray fuzz lesson-notebook clean

demo: $(VENV)/demo.installed
	$(BIN)/firth demo

# Three processes on two cores: most tests wait for something. A file's tests stay together, as they share what is dear.
test: $(VENV)/dev.installed
	$(BIN)/python -m pytest -n 3 --dist loadfile

# What takes libraries of gigabytes. The first line fails where a skip would hide a missing one.
test-ecosystem: $(VENV)/ecosystem.installed
	$(BIN)/python -c "import gensim, huggingface_hub, model2vec, sentence_transformers, sklearn, spacy, torch"
	$(BIN)/python -m pytest tests/test_handover_*.py tests/test_format_static.py tests/test_format_spacy.py tests/test_documents.py tests/test_hub.py

check: $(VENV)/dev.installed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(VENV)/dev.installed
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/bench.installed
	@test -n "$(CORPUS)" || { echo "make bench needs a corpus: make bench CORPUS=path/to/text" >&2; exit 2; }
	$(BIN)/python -m bench --corpus "$(CORPUS)" $(BENCH_OPTIONS)

bench-ray: $(VENV)/dev.installed
	@test -n "$(CORPUS)" || { echo "make bench-ray needs a corpus: make bench-ray CORPUS=path/to/text" >&2; exit 2; }
	$(BIN)/python -m bench.ray_runs --corpus "$(CORPUS)" $(BENCH_OPTIONS)

lesson-notebook: $(VENV)/dev.installed
	$(BIN)/python -m firth.lesson.notebook > docs/giving-meaning-to-words.ipynb

fuzz: $(VENV)/fuzz.installed
	$(BIN)/python -m fuzz --seconds 60

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/demo.installed: $(VENV)/bin/python pyproject.toml constraints.txt
	$(INSTALL) --editable ".[demo]"
	@touch $@

$(VENV)/dev.installed: $(VENV)/bin/python pyproject.toml constraints.txt
	$(INSTALL) --editable ".[dev,demo]"
	@touch $@

$(VENV)/bench.installed: $(VENV)/bin/python pyproject.toml constraints.txt
	$(INSTALL) --editable ".[bench]"
	@touch $@

$(VENV)/ecosystem.installed: $(VENV)/dev.installed
	$(INSTALL) torch==2.13.0
	$(INSTALL) --editable ".[dev,demo,ecosystem]"
	@touch $@

$(VENV)/fuzz.installed: $(VENV)/bin/python pyproject.toml constraints.txt
	$(INSTALL) --editable ".[fuzz]"
	@touch $@

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
