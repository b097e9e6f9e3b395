"""What the tests marked `full` need beside the package: services, browsers, tools, extras."""

import importlib.util
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from driven import MODULES


def _modules(*names):
    return all(importlib.util.find_spec(name) is not None for name in names)


def _programs(*names):
    return all(shutil.which(name) is not None for name in names)


def inception_network():
    """torch-fidelity where it lies by itself, since its torchvision may not suit this PyTorch."""
    folders = [Path(path) / "beside" / "torch_fidelity" for path in sys.path]
    return next((folder for folder in folders if folder.is_dir()), None)


def _fuzzer():
    """The library of clang's fuzzer, a package by itself; a bare name where it is not there."""
    name = f"libclang_rt.fuzzer-{platform.machine()}.a"
    command = ["clang++-19", f"-print-file-name={name}"]
    return Path(subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip())


NEEDS = {
    "compiler": lambda: _programs("c++", "cmake"),
    "chromium": lambda: _programs("chromium"),
    "playwright": lambda: (
        _programs("chromium", "node") and (MODULES / "node_modules" / "playwright-core").is_dir()
    ),
    "wasm": lambda: _programs("clang-19", "wasm-ld-19"),
    "node": lambda: _programs("node"),
    "docs": lambda: _modules("mkdocs", "material", "mkdocstrings"),
    "hub": lambda: _modules("huggingface_hub"),
    "namespaces": lambda: _programs("ip") and os.geteuid() == 0,
    "inception": lambda: inception_network() is not None,
    "onnx": lambda: _modules("onnx", "onnxscript", "onnxruntime"),
    "prdc": lambda: _modules("prdc"),
    "tensorboard": lambda: _modules("tensorboard"),
    "trackio": lambda: _modules("trackio"),
    "ray": lambda: _modules("ray"),
    "clang": lambda: _programs("clang++-19") and _fuzzer().is_file(),
    "slurm": lambda: (
        _programs("munged", "slurmctld", "slurmd", "sbatch", "srun")
        and _modules("submitit")
        and os.geteuid() == 0
    ),
    "valgrind": lambda: _programs("valgrind"),
}
"""By what a test says that it needs, whether it is there."""


def missing(names):
    """Those of the named needs that are not there."""
    return [name for name in names if not NEEDS[name]()]


def in_full(*values):
    """Values of a parameter (tuples: of several) that `make test` leaves to `make test-all`."""
    return [
        pytest.param(*(value if isinstance(value, tuple) else [value]), marks=pytest.mark.full)
        for value in values
    ]
