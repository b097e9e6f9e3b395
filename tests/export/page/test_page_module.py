"""The compiled runtime that pages carry is what the sources make."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "src" / "sparsegan" / "export" / "page"


@pytest.mark.full("wasm")
def test_the_same_compiler_makes_the_same_module(tmp_path):
    """Another compiler may make another one."""
    subprocess.run([ROOT / "scripts" / "build_wasm.sh", tmp_path / "m.wasm"], check=True)
    built = (tmp_path / "m.wasm").read_bytes()
    assert built.startswith(b"\0asm")
    version = subprocess.run(["clang-19", "--version"], capture_output=True, text=True, check=True)
    if version.stdout.splitlines()[0] == (PAGE / "compiler.txt").read_text().strip():
        assert built == (PAGE / "sparsegan.wasm").read_bytes()
