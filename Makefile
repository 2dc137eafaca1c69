# make demo    train and test on the embedded synthetic pairs (CPU, nothing to download but the packages)
# make test    the whole test suite
# make lint    style and types
# Each makes .venv first if it is missing. PYTHON=python3.11 chooses the interpreter.
PYTHON ?= python3
BIN := .venv/bin
DEMO := work_dirs/asea_demo

.PHONY: demo test lint clean

# Six epochs do, of the eight that the config has.
demo: .venv/installed
	$(BIN)/python tools/train.py configs/asea_demo.py --work-dir $(DEMO) --cfg-options train_cfg.max_epochs=6
	$(BIN)/python tools/test.py configs/asea_demo.py "$$(cat $(DEMO)/last_checkpoint)" --work-dir $(DEMO)
	$(BIN)/python tools/demo_pictures.py $(DEMO)

# ASEA_SBU_ROOT, if set, points the tests to the real SBU files.
test: .venv/installed
	$(BIN)/python -m pytest

lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

clean:
	rm -rf work_dirs build .pytest_cache .ruff_cache .mypy_cache .hypothesis
	find asea_mm tools tests -name __pycache__ -prune -exec rm -rf {} +

# The constraints hold for packages that are built from source, too.
.venv/installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet 'pip>=21.3'
	PIP_CONSTRAINT=constraints.txt $(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[light,test]'
	touch $@
