"""A short run of the fuzzer: what it is for is long runs, what is tested here is that it works."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch.nn import Conv2d as Conv
from torch.nn import ConvTranspose2d as Transposed

ROOT = Path(__file__).parents[2]


@pytest.mark.full("clang")
def test_the_fuzzer_finds_nothing_in_a_short_run(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "tests" / "export"))
    from runtime_files import Own, file_of, thinned
    from toy_export import frozen

    from sparsegan.export import Blueprint, write_packed

    subprocess.run([ROOT / "runtime" / "fuzz" / "build.sh", tmp_path / "fuzz"], check=True)
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for number, name in enumerate(("dcgan", "biggan")):
        classes = 3 if name == "biggan" else None
        blueprint = Blueprint(name, 32, 3, width=1, latent_dim=4, classes=classes)
        write_packed(frozen(blueprint, 0.3), corpus / str(number), half=bool(number))
    # Inputs in shifted copies, of maps that become wider, which no architecture has.
    wider = thinned(
        Own(lambda m, z: m[1](m[0](z.view(-1, 2, 8, 8))), Transposed(2, 40, 3), Conv(40, 3, 1)), 0.9
    )
    (corpus / "wider").write_bytes(file_of(wider, (torch.zeros(1, 128),)))
    # Without a limit on resident memory, since Linux counts the peak of the process that starts
    # another one as the other one's; one allocation is limited instead.
    limits = ["-rss_limit_mb=0", "-malloc_limit_mb=256"]
    command = [tmp_path / "fuzz", "-runs=20000", "-max_len=12000", "-seed=1", *limits, corpus]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "Done 20000 runs" in done.stderr
    sys.stdout.write(done.stderr[-500:])
