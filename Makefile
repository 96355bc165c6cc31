# make demo: a real heart tracked, with a report.   make demo-virtual: a virtual one.
# make demo-train: every part trained briefly.
# make test: the whole test suite.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
BUNDLE := $(BIN)/python -m monai.bundle
CACHE := bundles/.cache
DEMO := output/demo

.PHONY: demo demo-virtual demo-train test test-processes test-downstream test-network docs lint clean

$(VENV)/.installed: requirements.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@

demo: $(VENV)/.installed
	$(BUNDLE) run --config_file bundles/cardiac_motion_reg/configs/inference.yaml \
		--dataset_dir tools/demo/SCD0000101 --refine_steps 30 --output_dir $(DEMO)/motion
	@echo "Report; open it in a browser:"; ls $(CURDIR)/$(DEMO)/motion/*/report.html

demo-virtual: $(VENV)/.installed
	$(BUNDLE) run --config_file bundles/cardiac_motion_reg/configs/inference.yaml \
		--built_in_slices 9 --refine_steps 30 --output_dir $(DEMO)/virtual
	@echo "Report, one of each study; open it in a browser:"; ls $(CURDIR)/$(DEMO)/virtual/*/report.html

# Small on purpose: it shows every part at work. The shipped weights were trained for longer.
demo-train: $(VENV)/.installed
	$(BUNDLE) run training --config_file bundles/vae_regulariser/configs/train.yaml \
		--epochs 4 --val_interval 2 --output_dir $(DEMO)/vae
	$(BUNDLE) run training --config_file bundles/cardiac_motion_reg/configs/train.yaml \
		--epochs 6 --val_interval 2 --vae_weights $(DEMO)/vae/model.pt --output_dir $(DEMO)/network
	$(BUNDLE) run --config_file bundles/cardiac_motion_reg/configs/inference.yaml \
		--weights $(DEMO)/network/model.pt --vae_weights $(DEMO)/vae/model.pt \
		--output_dir $(DEMO)/motion-of-new-network
	@echo "Report, one of each study:"; ls $(CURDIR)/$(DEMO)/motion-of-new-network/*/report.html

test: $(VENV)/.installed
	$(BIN)/python -m pytest

# Training in two processes that talk over loopback.
test-processes: $(VENV)/.installed
	$(BIN)/python -m pytest -m processes

# The bundles in MONAI Label and in the MONAI Deploy App SDK, each in an environment of its own.
test-downstream: $(VENV)/.installed .venv-label/.installed .venv-deploy/.installed
	$(BIN)/python -m pytest -m downstream

.venv-label/.installed: tools/monai_label/requirements.txt
.venv-deploy/.installed: tools/deploy_app/requirements.txt

# torch first: some of the packages are built with the torch that is there, not with one of their own.
.venv-label/.installed .venv-deploy/.installed:
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check setuptools wheel "$$(grep ^torch== $<)"
	SAM2_BUILD_CUDA=0 $(@D)/bin/python -m pip install --quiet --disable-pip-version-check \
		--no-build-isolation -r $<
	touch $@

# What asks package indexes and web sites.
test-network: $(VENV)/.installed
	$(BIN)/python -m pytest -m network

# Tables of the pages and figures of the metadata, from bundles/*/docs/results.
docs: $(VENV)/.installed
	$(BIN)/python -m tools.figures.records

lint: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

clean:
	rm -rf $(VENV) .venv-label .venv-deploy $(CACHE) output bundles/*/output
