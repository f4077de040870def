# Everything runs in .venv, which any of these targets makes first if it is missing or out of date.
PYTHON ?= python3.11
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
JOBS   ?= 2

.PHONY: help install demo test test-slow lint build clean

help:
	@echo "make demo       generate a dataset, train, evaluate; ends with a table and runs/demo/report.html"
	@echo "make test       the tests (minutes)"
	@echo "make test-slow  the long checks too: killed processes, wheels, real meshes"
	@echo "make lint       ruff and mypy"
	@echo "make build      a wheel in dist/"
	@echo "make clean      remove build products, data/ and runs/demo"

# torch first and by its pinned version: an unpinned one may bring gigabytes that nobody asked for.
$(STAMP): setup.cfg pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt torch
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt --editable ".[dev]"
	@touch $(STAMP)

install: $(STAMP)

demo: $(STAMP)
	$(BIN)/python datasets/generate.py --config datasets/demo.yaml --output data/demo.h5 --overwrite
	$(BIN)/python train.py --config configs/demo.yaml --overwrite
	$(BIN)/python evaluate.py --checkpoint runs/demo/best.ckpt

test: $(STAMP)
	$(BIN)/python -m pytest -n $(JOBS)

test-slow: $(STAMP)
	$(BIN)/python -m pytest -n $(JOBS) -m "slow or not slow"

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

build: $(STAMP)
	$(BIN)/python -m build --wheel

clean:
	rm -rf build dist *.egg-info data runs/demo
