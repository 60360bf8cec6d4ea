# demo · test · check · bench: the same words as CI.
PYTHON ?= python3
VENV ?= .venv
PIP_FLAGS ?=

PIP := $(VENV)/bin/python -m pip --disable-pip-version-check
SOURCES := $(shell find src native -type f -not -name '*.pyc')

.PHONY: demo test check bench clean

demo: $(VENV)/.package-torch
	$(VENV)/bin/featherweight demo --out runs/demo

test: $(VENV)/.package-dev
	$(VENV)/bin/python -m pytest

check: $(VENV)/.package-dev
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

bench: $(VENV)/.package-dev
	$(VENV)/bin/python benchmarks/kmeans.py --quick
	$(VENV)/bin/python benchmarks/coding.py --quick
	$(VENV)/bin/python benchmarks/deep_compression.py --quick
	$(VENV)/bin/python benchmarks/counting.py --quick

clean:
	rm -rf $(VENV) build dist

# The stamp is written when the installation is whole. A marker that is left over tells of one that was
# interrupted: half-installed packages cannot be told from whole ones, so the environment is made anew.
$(VENV)/.package-%: pyproject.toml constraints.txt README.md $(SOURCES)
	if [ ! -d $(VENV) ] || [ -e $(VENV)/.installing ]; then \
	  rm -rf $(VENV) && mkdir $(VENV) && touch $(VENV)/.installing && $(PYTHON) -m venv $(VENV); \
	fi
	touch $(VENV)/.installing
	$(PIP) install -q -c constraints.txt $(PIP_FLAGS) pip
	$(PIP) install -q -c constraints.txt $(PIP_FLAGS) '.[$*]'
	rm $(VENV)/.installing
	touch $@
