"""What the tests marked `full` need beside the package: services, browsers, tools, extras."""

import importlib.util
import os
import shutil

import pytest


def _modules(*names):
    return all(importlib.util.find_spec(name) is not None for name in names)


def _programs(*names):
    return all(shutil.which(name) is not None for name in names)


NEEDS = {
    "compiler": lambda: _programs("c++", "cmake"),
    "chromium": lambda: _programs("chromium"),
    "docs": lambda: _modules("mkdocs", "material", "mkdocstrings"),
    "namespaces": lambda: _programs("ip") and os.geteuid() == 0,
    "onnx": lambda: _modules("onnx", "onnxscript", "onnxruntime"),
    "valgrind": lambda: _programs("valgrind"),
}
"""By what a test says that it needs, whether it is there."""


def missing(names):
    """Those of the named needs that are not there."""
    return [name for name in names if not NEEDS[name]()]


def in_full(*values):
    """Values of a parameter that `make test` leaves to `make test-all`."""
    return [pytest.param(value, marks=pytest.mark.full) for value in values]
