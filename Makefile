# make demo: a real heart tracked, with a report.   make demo-virtual: a virtual one.
# make demo-train: every part trained briefly.
# make tools: what the simulator and the tools need, too.   make test: the whole test suite.
# Each installs into .venv what it needs and no more.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
BUNDLE := $(BIN)/python -m monai.bundle
CACHE := bundles/.cache
DEMO := output/demo
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check -r

.PHONY: demo demo-virtual demo-train tools test test-processes test-downstream test-network docs lint clean

$(VENV)/.installed: requirements.txt
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) $<
	touch $@

$(VENV)/.tools: tools/requirements.txt $(VENV)/.installed
	$(INSTALL) $<
	touch $@

$(VENV)/.tests: tests/requirements.txt $(VENV)/.tools
	$(INSTALL) $<
	touch $@

tools: $(VENV)/.tools

demo: $(VENV)/.installed
	$(BUNDLE) run --config_file bundles/cardiac_motion_reg/configs/inference.yaml \
		--dataset_dir tools/demo/SCD0000101 --refine_steps 15 --output_dir $(DEMO)/motion
	@echo "Report; open it in a browser:"; ls $(CURDIR)/$(DEMO)/motion/*/report.html

demo-virtual: $(VENV)/.tools
	$(BUNDLE) run --config_file bundles/cardiac_motion_reg/configs/inference.yaml \
		--built_in_slices 9 --refine_steps 15 --output_dir $(DEMO)/virtual
	@echo "Report, one of each study; open it in a browser:"; ls $(CURDIR)/$(DEMO)/virtual/*/report.html

# Small on purpose: it shows every part at work. The shipped weights were trained for longer.
demo-train: $(VENV)/.tools
	$(BUNDLE) run training --config_file bundles/vae_regulariser/configs/train.yaml \
		--epochs 4 --val_interval 2 --output_dir $(DEMO)/vae
	$(BUNDLE) run training --config_file bundles/cardiac_motion_reg/configs/train.yaml \
		--epochs 6 --val_interval 2 --vae_weights $(DEMO)/vae/model.pt --output_dir $(DEMO)/network
	$(BUNDLE) run --config_file bundles/cardiac_motion_reg/configs/inference.yaml \
		--weights $(DEMO)/network/model.pt --vae_weights $(DEMO)/vae/model.pt \
		--output_dir $(DEMO)/motion-of-new-network
	@echo "Report, one of each study:"; ls $(CURDIR)/$(DEMO)/motion-of-new-network/*/report.html

test: $(VENV)/.tests
	$(BIN)/python -m pytest

# Training in two processes that talk over loopback.
test-processes: $(VENV)/.tests
	$(BIN)/python -m pytest -m processes

# The bundles in MONAI Label and in the MONAI Deploy App SDK, each in an environment of its own; meshes
# in ParaView, where it is installed.
test-downstream: $(VENV)/.tests .venv-label/.installed .venv-deploy/.installed
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
test-network: $(VENV)/.tests
	$(BIN)/python -m pytest -m network

# Tables of the pages and figures of the metadata, from bundles/*/docs/results.
docs: $(VENV)/.tests
	$(BIN)/python -m tools.figures.records

lint: $(VENV)/.tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

clean:
	rm -rf $(VENV) .venv-label .venv-deploy $(CACHE) output bundles/*/output
