# make demo    train a sparse GAN on Fashion-MNIST and show the result (under 10 minutes on two cores)
# make test    the tests
# make test-all  those that take minutes or need more than the package does, too: extras, and where
#              they are installed a browser (chromium, with node and npm to drive it), valgrind,
#              network namespaces (iproute2), a compiler for WebAssembly (clang-19, lld-19) with its
#              fuzzer (libclang-rt-19-dev) and, for root, a Slurm cluster of one machine (slurm-wlm,
#              munge)
# make bench   the speed of the native kernels at practical sizes, on this machine (a minute)
# make docs    the documentation as a site, in build/site
# make check   formatting, lint, types
# make kernels-sanitize, kernels-valgrind, kernels-neon
#              the kernels' own test under tools that watch memory, and emulated on ARM
# make release what is released, in dist/, each tried in a fresh environment (scripts/*_release.sh)
# Each makes its own environment in .venv first and needs nothing but Python 3.11, a C compiler
# and a package index; a release needs Python 3.12 besides.
PYTHON ?= python3.11
VENV ?= .venv
# Tests at a time; of those that take minutes, files.
JOBS ?= 2
BIN := $(VENV)/bin
READY := $(VENV)/.ready
ALL := $(VENV)/.ready-all
NODE := $(VENV)/.ready-node
# The runtime is installed as it is when that is done, and not where it lies.
RUNTIME := $(wildcard runtime/pyproject.toml runtime/CMakeLists.txt runtime/include/* runtime/src/* \
  runtime/python/sparsegan_runtime/*.py)
KERNELS := kernels-plain kernels-sanitize kernels-valgrind kernels-neon

.PHONY: setup demo test test-all check bench docs $(KERNELS) release format clean

setup: $(READY)

$(READY): requirements.txt requirements-dev.txt pyproject.toml $(RUNTIME)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e . ./runtime
	touch $@

demo: $(READY)
	$(BIN)/sparsegan train --recipe fashion-mnist

# Two without what they ask for: trackio a Pillow before 13, and works with it; torch-fidelity a
# torchvision, which does not load beside the CPU build of PyTorch, and torchmetrics does not load
# where it finds torch-fidelity, so that this one has a folder of its own.
$(ALL): $(READY) requirements-all.txt
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-all.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps trackio==0.43.0
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps torch-fidelity==0.4.0 \
	  --upgrade --target "$$($(BIN)/python -c 'import sysconfig as s; print(s.get_path("purelib"))')/beside"
	touch $@

# What drives a browser is a package of node's. Without it tests skip, unless all has to be there;
# the next time it is tried again.
$(NODE): tests/package.json | $(READY)
	mkdir -p $(VENV)/node && cp tests/package.json $(VENV)/node
	if npm install --prefix $(VENV)/node --silent --no-audit --no-fund --no-package-lock \
	  --fetch-retries=1; then touch $@; \
	else echo "npm has not installed what drives a browser" >&2; [ -z "$$SPARSEGAN_REQUIRE_ALL" ]; fi

test: $(READY)
	$(BIN)/python -m pytest -n $(JOBS) -m "not full"

test-all: test $(ALL) $(NODE)
	PATH="$(abspath $(BIN)):$$PATH" $(BIN)/python -m pytest -n $(JOBS) --dist loadfile -m full

bench: $(READY)
	$(BIN)/python benchmarks/bench_model.py --json build/bench/model.json
	$(BIN)/python benchmarks/bench_practical.py --rounds 5 --sizes sngan-64 sngan-32 biggan-16 demo --json build/bench/practical.json
	$(BIN)/python benchmarks/bench_generating.py --width 64 --batch 1 64 --sparsity 0.9 --erk --rounds 15 --json build/bench/generating.json
	$(BIN)/python benchmarks/bench_memory.py --width 64 --sparsity 0.9 --json build/bench/memory.json

docs: $(ALL)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict --site-dir build/site

check: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

$(KERNELS): kernels-%: $(READY)
	PATH="$(abspath $(BIN)):$$PATH" scripts/check_kernels.sh $*

release:
	scripts/build_release.sh $(RELEASE_PYTHONS)
	scripts/check_release.sh

format: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .hypothesis
