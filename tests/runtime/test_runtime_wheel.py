"""The built wheel in an environment that has neither PyTorch nor a compiler."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = """
import sys, time
begin = time.perf_counter()
import numpy as np, sparsegan_runtime
images = sparsegan_runtime.load(sys.argv[1])(np.load(sys.argv[2]))
assert "torch" not in sys.modules
np.save(sys.argv[3], images)
"""


@pytest.mark.full("compiler")
def test_the_wheel_draws_pytorchs_images_without_pytorch(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "tests" / "export"))
    from toy_export import frozen, inputs

    from sparsegan.export import Blueprint, write_packed

    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    build = [*pip, "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*build, "--wheel-dir", str(tmp_path), str(ROOT / "runtime")], check=True)
    (wheel,) = tmp_path.glob("sparsegan_runtime-*-py3-none-*.whl")
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "venv")], check=True)
    python = tmp_path / "venv" / "bin" / "python"
    bare = {"PATH": str(python.parent), "HOME": str(tmp_path)}
    bare |= {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    # NumPy from a wheel: nothing is compiled.
    subprocess.run([*install, "--only-binary=:all:", str(wheel)], check=True, env=bare)

    original = frozen(Blueprint("sngan", 32, 3, width=16, latent_dim=32))
    write_packed(original, tmp_path / "g.safetensors")
    (z,) = inputs(original.blueprint, 4)
    np.save(tmp_path / "z.npy", z.numpy())
    files = [str(tmp_path / name) for name in ("g.safetensors", "z.npy", "images.npy")]
    subprocess.run([python, "-c", SCRIPT, *files], check=True, env=bare, cwd=tmp_path)
    images = np.load(tmp_path / "images.npy")
    assert np.abs(images - original.generator(z).numpy()).max() <= 1e-5
