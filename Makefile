# make demo    a model teaches itself Countdown by searching, in three to five minutes on two cores
# make test    ruff, mypy and the whole test suite
#
# Both make their own virtual environment in .venv. Another Python: make demo PYTHON=python3.12

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALL = @echo "installing into $(VENV); PyTorch is large, so this may take minutes"; $(BIN)/python -m pip install --disable-pip-version-check --quiet --constraint constraints.txt

.PHONY: demo test clean

demo: $(VENV)/core
	$(BIN)/pawl run reason

test: $(VENV)/all
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/python -m pytest

$(VENV)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "error: $(PYTHON) must be Python 3.11 or newer"; \
		  echo "hint: make $(MAKECMDGOALS) PYTHON=python3.11"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/core: $(VENV)/python pyproject.toml constraints.txt
	$(INSTALL) --editable .
	@touch $@

$(VENV)/all: $(VENV)/python pyproject.toml constraints.txt
	$(INSTALL) --editable '.[bench,claims,dev,games,hf,reasoning]'
	@touch $@ $(VENV)/core

clean:
	rm -rf $(VENV)
