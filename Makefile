# make demo      train and test on the embedded synthetic pairs (CPU, nothing to download but the packages)
# make test      the tests of the package
# make test-lab  the tests of the experiments, lab/
# make gpu       all that wants a GPU, in eight minutes at most: gpu.json (GPU='--device cpu --quick' tries it without)
# make gpu-runs  the five-task table on a GPU, sixteen runs at once, in twelve minutes; again: it goes on (GPU_RUNS='--minutes 20')
# make campaign  hours of damaged inputs, kills, full disks and two at once: what the tests do in short
# make lint      style, types and the direction of imports
# Each makes .venv first if it is missing. PYTHON=python3.11 chooses the interpreter.
PYTHON ?= python3
BIN := .venv/bin
DEMO := work_dirs/asea_demo

.PHONY: demo test test-lab gpu gpu-runs campaign lint clean

# Five epochs do, of the eight that the config has.
demo: .venv/installed
	$(BIN)/asea train asea_demo --work-dir $(DEMO) --cfg-options train_cfg.max_epochs=5
	$(BIN)/asea test asea_demo "$$(cat $(DEMO)/last_checkpoint)" --work-dir $(DEMO)
	$(BIN)/asea visualize asea_demo "$$(cat $(DEMO)/last_checkpoint)" --what pairs active --out $(DEMO)

# ASEA_SBU_ROOT and the like, if set, point the tests to real data.
# Files of tests run beside one another, one on each core: those of a file share what is made for it.
test: .venv/installed
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest tests -n auto --dist loadfile

test-lab: .venv/installed
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest lab/tests -n auto --dist loadfile

gpu: .venv/installed
	$(BIN)/python -m lab.gpu $(GPU)

gpu-runs: .venv/installed
	$(BIN)/python -m lab.gpu_runs $(GPU_RUNS)

campaign: .venv/installed
	$(BIN)/python -m tests.campaigns

lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

clean:
	rm -rf work_dirs build *.egg-info .pytest_cache .ruff_cache .mypy_cache .hypothesis .import_linter_cache
	find asea_mm lab tests tools -name __pycache__ -prune -exec rm -rf {} +

# The constraints hold for packages that are built from source, too.
.venv/installed: pyproject.toml setup.py constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet 'pip>=21.3'
	PIP_CONSTRAINT=constraints.txt $(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[light,test]'
	touch $@
