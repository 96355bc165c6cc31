# make demo: everything once, on built-in data.   make test: the whole test suite.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
BUNDLE := $(BIN)/python -m monai.bundle
CACHE := bundles/.cache
DEMO := output/demo

.PHONY: demo test lint clean

$(VENV)/.installed: requirements.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@

# Small on purpose: it shows every part at work. The shipped weights were trained for longer.
demo: $(VENV)/.installed
	$(BUNDLE) run training --config_file bundles/vae_regulariser/configs/train.yaml \
		--epochs 4 --val_interval 2 --output_dir $(DEMO)/vae
	$(BUNDLE) run training --config_file bundles/cardiac_motion_reg/configs/train.yaml \
		--epochs 6 --val_interval 2 --vae_weights $(DEMO)/vae/model.pt --output_dir $(DEMO)/network
	$(BUNDLE) run --config_file bundles/cardiac_motion_reg/configs/inference.yaml \
		--weights $(DEMO)/network/model.pt --output_dir $(DEMO)/motion
	@echo "Pictures, one of each study:"; ls $(CURDIR)/$(DEMO)/motion/*/motion.png

test: $(VENV)/.installed
	$(BIN)/python -m pytest

lint: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

clean:
	rm -rf $(VENV) $(CACHE) output bundles/*/output
