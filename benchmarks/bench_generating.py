"""Generating images with SNGAN's generator: the native engine against dense inference engines.

The generator is in evaluation mode. Peers are PyTorch eager (channels last), torch.compile (on
demand), ONNX Runtime and OpenVINO where these are installed; neither is a requirement of this
project. A ratio is the best peer's median time over the native engine's.

    python benchmarks/bench_generating.py
"""

import io
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from contestants import pair, wide
from harness import headline, interleaved, medians, parser, save
from sparsegan.engine.attach import NativeForward
from sparsegan.sparsity import Masks

LATENT = 128

Generate = Callable[[Tensor], object]


def native(width: int, sparsity: float, allocation: str) -> Generate:
    """The engine on a sparse generator."""
    generator, _ = pair(width)
    rule = wide if allocation == "uniform" else "adapt"
    masks = Masks(generator, 1 - sparsity, allocation, include=rule)
    forward = NativeForward(generator.eval(), masks, lambda: False)
    forward.on = forward.constant = True
    return generator


def onnx_file(generator: nn.Module, batch: int) -> bytes | None:
    """The dense generator as ONNX, or None without the exporter's packages."""
    file = io.BytesIO()
    try:
        torch.onnx.export(generator, (torch.zeros(batch, LATENT),), file, dynamo=False)
    except (ImportError, torch.onnx.errors.OnnxExporterError):
        return None
    return file.getvalue()


def onnx_runtime(model: bytes, threads: int) -> Generate | None:
    """A session of ONNX Runtime, where installed."""
    try:
        import onnxruntime
    except ImportError:
        return None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda z: session.run(None, {name: z.numpy()})


def openvino(model: bytes, threads: int) -> Generate | None:
    """A model compiled by OpenVINO, where installed."""
    try:
        import openvino as ov
    except ImportError:
        return None
    core = ov.Core()
    config = {"INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": "f32"}
    compiled = core.compile_model(core.read_model(model), "CPU", config)
    return lambda z: compiled(z.numpy())


def peers(width: int, batch: int, threads: int, with_compile: bool) -> dict[str, Generate]:
    """The dense engines at hand."""
    generator = pair(width)[0].eval()
    actual: dict[str, Generate | None] = {"onnxruntime": None, "openvino": None}
    model = onnx_file(generator, batch)
    if model is not None:
        actual = {"onnxruntime": onnx_runtime(model, threads), "openvino": openvino(model, threads)}
    missing = [name for name, each in actual.items() if each is None]
    if missing:
        print(f"not installed, left out: {', '.join(missing)}")
    generator = generator.to(memory_format=torch.channels_last)
    actual["dense"] = generator
    if with_compile:
        actual["compile"] = torch.compile(generator)
    return {name: each for name, each in actual.items() if each is not None}


def main() -> None:
    """Prints the table and writes it as JSON."""
    options = parser(__doc__, rounds=7)
    options.add_argument("--width", type=int, default=256, help="of the generator")
    options.add_argument("--batch", type=int, nargs="+", default=[1, 8, 64])
    options.add_argument("--sparsity", type=float, nargs="+", default=[0.8, 0.9, 0.95])
    options.add_argument("--compile", action="store_true", help="torch.compile too")
    options.add_argument("--erk", action="store_true", help="ADAPT's ERK masks too")
    arguments = options.parse_args()
    torch.set_num_threads(arguments.threads)
    print(headline())
    print(f"SNGAN generator, width {arguments.width}")
    results: dict[str, Any] = {}
    for batch in arguments.batch:
        print(f"\nbatch {batch}")
        z = torch.randn(batch, LATENT)
        jobs = peers(arguments.width, batch, arguments.threads, arguments.compile)
        dense = list(jobs)
        for allocation in ["uniform", "erk"] if arguments.erk else ["uniform"]:
            for sparsity in arguments.sparsity:
                jobs[f"native {allocation} {sparsity:g}"] = native(
                    arguments.width, sparsity, allocation
                )
        with torch.no_grad():
            turns = {name: (lambda job=job, z=z: job(z)) for name, job in jobs.items()}
            times = medians(
                interleaved(turns, arguments.rounds, warm_up=2, cpu_time=arguments.cpu_time)
            )
        best = min(times[name] for name in dense)
        for name, seconds in times.items():
            print(f"  {name:24}{1e3 * seconds:10.1f} ms {best / seconds:6.2f}", flush=True)
        results[str(batch)] = {name: {"s": s, "ratio": best / s} for name, s in times.items()}
    save(__file__, arguments, results)


if __name__ == "__main__":
    main()
