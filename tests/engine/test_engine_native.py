import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from needs import in_full
from sparsegan import engine
from sparsegan.errors import SparseganError

pytestmark = pytest.mark.skipif(not engine.available(), reason="kernels are not compiled")

PROGRAM = """
import torch
from sparsegan import engine
from sparsegan.errors import SparseganError
try:
    print(engine.isa())
except SparseganError as error:
    print(error)
    raise SystemExit(2)
torch.manual_seed(0)
mask = torch.rand(20, 20, 3, 3) < 0.2
weight = torch.randn(mask.shape) * mask
x = torch.randn(21, 20, 9, 9)
got = engine.sparse_conv2d(x, weight, engine.SparseIndex(mask), padding=1)
want = torch.nn.functional.conv2d(x.double(), weight.double(), padding=1)
assert (got - want).norm() < 1e-6 * want.norm()
"""


def run(isa):
    environment = {**os.environ, "SPARSEGAN_ISA": isa, "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, "-c", PROGRAM],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )


ISAS = engine.supported_isas() if engine.available() else []


@pytest.mark.parametrize("isa", [*ISAS[:1], *in_full(*ISAS[1:])])
def test_every_instruction_set_can_be_chosen_by_the_environment(isa):
    result = run(isa)
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == isa


@pytest.mark.full
def test_an_instruction_set_that_is_not_there_is_an_error():
    result = run("sse9")
    assert result.returncode == 2
    assert "SPARSEGAN_ISA=sse9 is not available on this machine: choose one of" in result.stdout


def test_indices_follow_a_change_of_the_instruction_set():
    torch.manual_seed(0)
    mask = torch.rand(6, 5, 3, 3) < 0.5
    weight, index = torch.randn(mask.shape) * mask, engine.SparseIndex(mask)
    x, before = torch.randn(9, 5, 7, 7), engine.isa()
    results = []
    try:
        for name in engine.supported_isas():
            engine.use_isa(name)
            results.append(engine.sparse_conv2d(x, weight, index, padding=1))
    finally:
        engine.use_isa(before)
    for other in results[1:]:
        torch.testing.assert_close(results[0], other, rtol=1e-4, atol=1e-5)
    with pytest.raises(SparseganError, match="not available"):
        engine.use_isa("mmx")


SHARED = """
import re, torch
def openmp():
    names = {line.rpartition("/")[2].strip() for line in open("/proc/self/maps")}
    return {name for name in names if re.match("lib[gi]?omp", name)}
before = openmp()
from sparsegan import engine
engine.isa()
assert openmp() == before != set(), (before, openmp())
"""


@pytest.mark.full
@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="Linux lists loaded libraries")
def test_the_kernels_bring_no_openmp_library_of_their_own():
    ran = subprocess.run([sys.executable, "-c", SHARED], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr


@pytest.mark.skipif(shutil.which("c++") is None, reason="no C++ compiler")
def test_the_kernels_own_test_program_is_valid():
    root = Path(__file__).parents[2]
    program, sources = (
        root / "tests/engine/csrc/test_kernels.cpp",
        root / "src/sparsegan/engine/csrc",
    )
    command = ["c++", "-std=c++17", "-fsyntax-only", "-Wno-psabi", "-I", str(sources), str(program)]
    ran = subprocess.run(command, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
