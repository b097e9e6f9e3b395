"""The model card of a generator, in the format of the Hugging Face hub."""

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from sparsegan.export.frozen import Frozen
from sparsegan.export.titles import data_title, origin, title
from sparsegan.record.events import Evaluation
from sparsegan.report.format import count, distance, figure, percent, size
from sparsegan.report.read import RunRecord

TASK = "unconditional-image-generation"
_BESIDE = {
    "frechet": "Fréchet distance",
    "precision": "precision",
    "recall": "recall",
    "density": "density of PRDC",
    "coverage": "coverage",
    "classes_seen": "classes seen",
}
"""Numbers of an evaluation on the features of its metric."""


def model_card(frozen: Frozen, record: RunRecord, files: Mapping[str, int]) -> str:
    """The text of README.md: metadata as YAML, and what a reader wants to know.

    Args:
        frozen: The generator.
        record: The run that it is from.
        files: The bytes of each file of the folder by its name.
    """
    evaluation = evaluation_of(record, frozen.origin["step"])
    parts = [
        _metadata(frozen, evaluation),
        f"# {title(frozen)}",
        origin(frozen),
        "![Samples](samples.png)" if "samples.png" in files else "",
        _usage(frozen),
        "`index.html` draws images in a browser, also without a network: download and open it."
        if "index.html" in files
        else "",
        _numbers(frozen, record, files),
        _metrics(evaluation),
        "## Files\n\n"
        + _table(("file", "bytes"), [(f"`{n}`", count(b)) for n, b in files.items()]),
    ]
    text = "\n\n".join(part for part in parts if part) + "\n"
    # A surrogate (an undecodable byte of a folder's name) cannot be written as UTF-8.
    return text.encode("utf-8", "replace").decode("utf-8")


def evaluation_of(record: RunRecord, step: int) -> Evaluation | None:
    """The last evaluation up to that step."""
    until = [row for row in record.evaluations if row.step <= step and row.value is not None]
    return until[-1] if until else None


def numbers_of(evaluation: Evaluation) -> dict[str, tuple[str, float]]:
    """By the type of a metric its name, which says by what network it is, and its value."""
    distance, _, features = evaluation.metric.partition("-")
    by = f" ({features})" if features else ""
    rows = {distance: (evaluation.metric, evaluation.value), "fid": ("FID", evaluation.fid)}
    for field, name in _BESIDE.items():
        rows[field] = (f"{name}{by}", getattr(evaluation, field))
    return {kind: (name, value) for kind, (name, value) in rows.items() if value is not None}


def _metadata(frozen: Frozen, evaluation: Evaluation | None) -> str:
    data = frozen.origin.get("data", "")
    about: dict[str, Any] = {
        "library_name": "sparsegan",
        "pipeline_tag": TASK if frozen.blueprint.latent_dim else "image-to-image",
        "tags": ["gan", "sparse", frozen.blueprint.network.replace(":", "-")],
    }
    if data.startswith("hf:"):
        about["datasets"] = [data.removeprefix("hf:")]
    name = data_title(data)
    if evaluation is not None and name:  # the hub refuses results on a data set without a name
        result = {
            "task": {"type": about["pipeline_tag"]},
            "dataset": {"name": name, "type": data.removeprefix("hf:")},
            "metrics": [
                {"type": kind, "name": name, "value": value}
                for kind, (name, value) in numbers_of(evaluation).items()
            ],
        }
        about["model-index"] = [{"name": title(frozen), "results": [result]}]
    text = yaml.safe_dump(about, sort_keys=False, allow_unicode=True, width=100)
    return f"---\n{text}---"


def _usage(frozen: Frozen) -> str:
    about, names = frozen.blueprint, tuple(frozen.generator.class_names)  # type: ignore[arg-type]
    images = f"(N, {about.channels}, {about.image_size}, {about.image_size})"
    inputs = f"torch.randn(8, {about.latent_dim})"
    if not about.latent_dim:
        inputs = f"torch.zeros{images.replace('N', '1')}"
    if about.classes is not None:
        inputs += ", torch.arange(8) % generator.classes"
    extras = "hub,runtime" if about.is_own else "hub"  # one's own is drawn from the file's graph
    return (
        "## How to use it\n\n"
        "`OWNER/NAME` is this repository, or the folder that holds these files "
        f"(`pip install 'sparsegan[{extras}]'`):\n\n"
        "```python\n"
        "import sparsegan, torch\n"
        'generator = sparsegan.load("OWNER/NAME")\n'
        f"images = generator({inputs})\n"
        "```\n\n"
        f"Images are float32 `{images}` in [-1, 1].{_classes(names)}"
    )


def _classes(names: Sequence[str]) -> str:
    if not names:
        return ""
    listed = ", ".join(f"{label} {name}" for label, name in enumerate(names[:100]))
    return f" Labels: {listed}{', …' if len(names) > 100 else ''}."


def _numbers(frozen: Frozen, record: RunRecord, files: Mapping[str, int]) -> str:
    masks = frozen.masks.values()
    rows = []
    total = sum(mask.numel() for mask in masks)
    if total:
        active = sum(int(mask.sum()) for mask in masks)
        rows.append(("weights of masked layers", count(active), count(total), active / total))
    kinds = [
        ("operations of an image", ("inference", "consistent", "generator"), "run", "dense"),
        ("operations of the training", ("flops", "consistent"), "run", "dense"),
    ]
    for name, keys, own, other in kinds:
        run, dense = record.cost_of(*keys, own), record.cost_of(*keys, other)
        if run is not None and dense:
            rows.append((name, figure(run), figure(dense), run / dense))
    stored = files["generator.safetensors"]
    rows.append(("bytes", size(stored), size(frozen.dense_bytes), stored / frozen.dense_bytes))
    table = _table(
        ("", "this generator", "dense", "share"),
        [(name, own, dense, percent(share)) for name, own, dense, share in rows],
    )
    return f"## What it costs\n\n{table}\n\nA multiply-add counts as one operation."


def _metrics(evaluation: Evaluation | None) -> str:
    if evaluation is None:
        return "## Quality\n\nIts images have not been compared with real ones."
    rows = [(name, figure(value)) for name, value in numbers_of(evaluation).values()]
    between = ""
    if evaluation.low is not None and evaluation.high is not None:
        between = (
            f" The 95 % interval of {evaluation.metric} is {figure(evaluation.low)} to "
            f"{figure(evaluation.high)}."
        )
    real = ""
    if evaluation.floor is not None:
        real = f" Held-out real images have {distance(evaluation.floor)}."
    return (
        f"## Quality\n\n{_table(('metric', 'value'), rows)}\n\n"
        f"At step {evaluation.step:,}, {_compared(evaluation)}.{between}{real}"
    )


def _compared(evaluation: Evaluation) -> str:
    if evaluation.generated is None:
        return f"{count(evaluation.n)} images on either side"
    return f"{count(evaluation.generated)} images beside {count(evaluation.n)} real ones"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
