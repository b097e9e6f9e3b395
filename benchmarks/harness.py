"""What all benchmarks share: interleaved timing, facts of the machine, results as JSON."""

import argparse
import gc
import json
import platform
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from sparsegan import engine

RESULTS = Path(__file__).parent / "results"

Job = Callable[[], object]


def parser(description: str | None, rounds: int) -> argparse.ArgumentParser:
    """The options that all benchmarks have."""
    summary = (description or "").partition("\n")[0]
    options = argparse.ArgumentParser(description=summary)
    options.add_argument("--threads", type=int, default=1, help="CPU threads")
    options.add_argument("--rounds", type=int, default=rounds, help="measured turns of each job")
    options.add_argument(
        "--cpu-time",
        action="store_true",
        help="count the process's CPU seconds, not the clock's: for one thread on a shared machine",
    )
    options.add_argument("--json", type=Path, help="file for the results")
    return options


def interleaved(
    jobs: Mapping[str, Job], rounds: int, *, warm_up: int = 1, cpu_time: bool = False
) -> dict[str, list[float]]:
    """Seconds of every job: after the warm-up all jobs in turn, round after round."""
    now = time.process_time if cpu_time else time.perf_counter
    times: dict[str, list[float]] = {name: [] for name in jobs}
    for turn in range(-warm_up, rounds):
        if turn == 0:
            # What one contestant has left in memory, compiled code above all, is not for the
            # garbage collections of the others to walk through.
            gc.collect()
            gc.freeze()
        for name, job in jobs.items():
            begin = now()
            job()
            if turn >= 0:
                times[name].append(now() - begin)
    return times


def medians(times: Mapping[str, list[float]]) -> dict[str, float]:
    """The median of every job."""
    return {name: statistics.median(seconds) for name, seconds in times.items()}


def machine() -> dict[str, Any]:
    """What the numbers were measured on."""
    return {
        "processor": _processor(),
        "kernels": engine.isa() if engine.available() else "not compiled",
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "system": f"{platform.system()} {platform.machine()}",
    }


def headline() -> str:
    """The machine in one line."""
    facts = machine()
    return (
        f"{facts['processor']}, {facts['kernels']} kernels, torch {facts['torch']}, "
        f"{facts['threads']} thread(s)"
    )


def save(script: str, arguments: argparse.Namespace, results: Any) -> None:
    """Writes the results beside the command that made them; a run that broke writes nothing."""
    path = arguments.json or RESULTS / f"{Path(script).stem}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    command = " ".join(["python", f"benchmarks/{Path(script).name}", *sys.argv[1:]])
    document = {"command": command, "machine": machine(), "results": results}
    scratch = path.with_suffix(".tmp")
    scratch.write_text(json.dumps(document, indent=1) + "\n")
    scratch.replace(path)
    print(f"\nwritten to {path}")


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
