"""One image of SNGAN's generator: the runtime against dense engines and the package's own kernels.

All convolutions and the linear layer have the same density, with random masks, in every contestant
the same weights. Peers are PyTorch eager (contiguous and channels last), ONNX Runtime and OpenVINO
where these are installed. Everything is interleaved on one thread; times are minima of CPU seconds,
since what shares the machine makes medians say little. A ratio is the best dense peer's time over
the contestant's.

    python benchmarks/bench_runtime.py
"""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import sparsegan_runtime
import torch
from sparsegan_runtime._generator import instruction_set
from torch import Tensor, nn

from bench_generating import LATENT, onnx_file, onnx_runtime, openvino
from contestants import pair
from harness import headline, interleaved, parser, save
from sparsegan.export import Blueprint, Frozen, load, write_packed
from sparsegan.sparsity import Masks

Draw = Callable[[], object]


def sparse(width: int, density: float) -> Frozen:
    """A generator whose convolutions and linear layer all have the density."""
    generator = pair(width)[0]
    masks = Masks(
        generator, density, "uniform", include=lambda _, m: isinstance(m, (nn.Conv2d, nn.Linear))
    )
    with torch.no_grad():
        for name in masks.names:
            generator.get_submodule(name).weight.mul_(masks[name] * density**-0.5)
        for _ in range(3):
            generator(torch.randn(16, LATENT))
    generator.eval().requires_grad_(False)
    blueprint = Blueprint("sngan", 32, 3, width=width, latent_dim=LATENT)
    return Frozen(generator, {name: masks[name] for name in masks.names}, blueprint, {})


def dense_peers(generator: nn.Module, z: Tensor, threads: int) -> dict[str, Draw]:
    """The dense engines at hand, on the generator's weights."""
    channels_last = sparse_copy(generator).to(memory_format=torch.channels_last)
    jobs: dict[str, Draw] = {
        "pytorch": lambda: generator(z),
        "pytorch, channels last": lambda: channels_last(z),
    }
    model = onnx_file(generator, 1)
    for name, make in (("onnxruntime", onnx_runtime), ("openvino", openvino)):
        session = None if model is None else make(model, threads)
        if session is None:
            print(f"not installed, left out: {name}")
        else:
            jobs[name] = lambda session=session: session(z)
    return jobs


def sparse_copy(generator: nn.Module) -> nn.Module:
    """A generator with the same weights."""
    blueprint = Blueprint(
        "sngan", 32, 3, width=generator.linear.out_features // 16, latent_dim=LATENT
    )
    other = blueprint.build()
    state = {name: tensor.clone() for name, tensor in generator.state_dict().items()}
    other.load_state_dict(state, assign=True)
    return other.eval().requires_grad_(False)


def measured(width: int, densities: list[float], rounds: int, threads: int) -> dict[str, Any]:
    """Seconds of every contestant, and its ratio to the best dense one."""
    z = torch.randn(1, LATENT)
    noise = z.numpy()
    jobs = dense_peers(sparse(width, densities[-1]).generator, z, threads)
    dense = list(jobs)
    repeats = 1 if width > 128 else 10
    with tempfile.TemporaryDirectory() as folder:
        for density in densities:
            path = Path(folder) / f"{density}.safetensors"
            frozen = sparse(width, density)
            write_packed(frozen, path)
            engine = load(path, kernels="native")
            expected = frozen.generator(z).numpy()
            jobs[f"engine {density:g}"] = lambda engine=engine: engine(z)
            for kernels in ("128 bits", "avx2", "avx512"):
                try:
                    instruction_set(kernels)
                except ValueError:
                    continue
                draw = sparsegan_runtime.load(path)
                assert np.abs(draw(noise) - expected).max() <= 1e-5
                jobs[f"runtime {kernels} {density:g}"] = lambda draw=draw: draw(noise)
    turns = {name: (lambda job=job: [job() for _ in range(repeats)]) for name, job in jobs.items()}
    with torch.no_grad():
        times = interleaved(turns, rounds, warm_up=3, cpu_time=True)
    seconds = {name: min(each) / repeats for name, each in times.items()}
    best = min(seconds[name] for name in dense)
    for name, each in seconds.items():
        print(f"  {name:28}{1e3 * each:10.3f} ms {best / each:6.2f}", flush=True)
    return {name: {"s": each, "ratio": best / each} for name, each in seconds.items()}


def main() -> None:
    """Prints the table and writes it as JSON."""
    options = parser(__doc__, rounds=30)
    options.add_argument("--width", type=int, nargs="+", default=[256, 64])
    options.add_argument("--sparsity", type=float, nargs="+", default=[0.8, 0.9, 0.95])
    arguments = options.parse_args()
    torch.set_num_threads(arguments.threads)
    print(headline())
    results = {}
    for width in arguments.width:
        print(f"\nwidth {width}, one image")
        densities = [round(1 - each, 6) for each in arguments.sparsity]
        results[str(width)] = measured(width, densities, arguments.rounds, arguments.threads)
    save(__file__, arguments, results)


if __name__ == "__main__":
    main()
