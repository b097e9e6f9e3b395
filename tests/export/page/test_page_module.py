"""The compiled runtime that pages carry is what the sources make."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "src" / "sparsegan" / "export" / "page"


@pytest.mark.full("wasm")
def test_the_same_compiler_makes_the_same_modules(tmp_path):
    """Another compiler may make other ones."""
    subprocess.run([ROOT / "scripts" / "build_wasm.sh", tmp_path], check=True)
    names = ("sparsegan.wasm", "relaxed.wasm")
    assert all((tmp_path / name).read_bytes().startswith(b"\0asm") for name in names)
    if (tmp_path / "compiler.txt").read_text() == (PAGE / "compiler.txt").read_text():
        for name in names:
            assert (tmp_path / name).read_bytes() == (PAGE / name).read_bytes()
