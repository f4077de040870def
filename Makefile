# Everything runs in .venv, which any of these targets makes first if it is missing or out of date.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
JOBS   ?= 2

.PHONY: help install demo real reproduce test test-slow bench lint build clean

help:
	@echo "make demo       generate a dataset, train, evaluate; ends with a table and runs/demo/report.html"
	@echo "make seeds-demo three seeds of the demo in one table (the same for any config: seeds-NAME)"
	@echo "make real       meshes and stations of the README, three seeds each (needs the data named there; an hour)"
	@echo "make reproduce  the comparisons of docs/results.md, row by row (half a day on two cores; stop it when you like)"
	@echo "make test       the tests (minutes)"
	@echo "make test-slow  the long checks too: killed processes, wheels, real meshes"
	@echo "make bench      layer, training step, roll-out, datasets against plain code, in turn (half an hour); runs/benchmarks.json"
	@echo "make lint       ruff and mypy"
	@echo "make build      a wheel in dist/"
	@echo "make clean      remove build products, data/ and runs/demo"

# torch first and by its pinned version: an unpinned one may bring gigabytes that nobody asked for. Python compiles what is
# imported; compiling all that is installed takes a minute. OpenMesh is built from source, by several compilers at a time.
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile -c constraints.txt
$(STAMP): export CMAKE_BUILD_PARALLEL_LEVEL ?= 2
$(STAMP): setup.cfg pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(PIP) torch
	$(PIP) --editable ".[dev]"
	@touch $(STAMP)

install: $(STAMP)

# Stopped and started again, each part goes on where it was; what is up to date is not made again.
demo: runs/demo/fixed_operators/finished
	$(BIN)/python evaluate.py --checkpoint runs/demo/best.ckpt

data/demo.h5: datasets/demo.yaml | $(STAMP)
	$(BIN)/python datasets/generate.py --config datasets/demo.yaml --output $@ --overwrite

# The baseline is the last that is trained.
runs/demo/fixed_operators/finished: configs/demo.yaml data/demo.h5 | $(STAMP)
	$(BIN)/python train.py --config configs/demo.yaml $(if $(wildcard $@),--overwrite)

# Three seeds of configs/NAME.yaml on the dataset of datasets/NAME.yaml. A run that is evaluated is not run again.
SEEDS ?= 0 1 2
real: seeds-animals seeds-stations

seeds-%: $(STAMP)
	test -f data/$*.h5 || $(BIN)/python datasets/generate.py --config datasets/$*.yaml --output data/$*.h5
	for seed in $(SEEDS); do \
	  test -f runs/$*-$$seed/metrics.json || { \
	    $(BIN)/python train.py --config configs/$*.yaml --seed $$seed --name $*-$$seed && \
	    $(BIN)/python evaluate.py --checkpoint runs/$*-$$seed/best.ckpt; } || exit 1; \
	done
	$(BIN)/pdgn summary $(SEEDS:%=runs/$*-%/metrics.json) --steps 1 6 12

# Rows whose metrics.json is in experiments/results are not run again. ROWS="plane_250 heat/ours" runs these alone.
reproduce: $(STAMP)
	$(BIN)/python -m experiments --jobs $(JOBS) $(if $(ROWS),--only $(ROWS))

test: $(STAMP)
	$(BIN)/python -m pytest -n $(JOBS)

test-slow: $(STAMP)
	$(BIN)/python -m pytest -n $(JOBS) -m "slow or not slow"

# OLD=earlier.json says what changed; NAMES="step layer" measures these alone.
bench: $(STAMP)
	$(BIN)/python -m benchmarks $(NAMES) $(OLD:%=--compare %)

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

build: $(STAMP)
	$(BIN)/python -m build --wheel

clean:
	rm -rf build dist *.egg-info data runs/demo
