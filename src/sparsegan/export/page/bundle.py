"""One HTML file out of a packed generator, the compiled runtime and the page around them."""

import base64
import gzip
import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from string import Template

from sparsegan.export.page.patch import patch
from sparsegan.report.markup import escape
from sparsegan.words import megabytes

_SCRIPTS = ("latents.js", "runtime.js", "page.js")
"""In the order of their imports, which end with being one script."""


@dataclass(frozen=True)
class Caption:
    """What the page says of its generator.

    Attributes:
        title: Its heading.
        active: Weights of the masked layers that are active.
        maskable: All of them.
        dense_bytes: Of the generator's tensors, every weight stored as float32.
        class_names: In the order of the labels; empty: there are none, or they have no names.
        origin: A sentence on the run that it is from.
        seed: Of the samples that are shown first.
    """

    title: str
    active: int
    maskable: int
    dense_bytes: int
    class_names: Sequence[str] = ()
    origin: str = ""
    seed: int = 1

    @property
    def density(self) -> float:
        """The share of active weights."""
        return self.active / self.maskable


def document(caption: Caption, packed: bytes) -> str:
    """The whole page; what it says of its size is so.

    Args:
        caption: What it says.
        packed: A file of format 2, from `packed.packed`.
    """
    size = 0
    for _ in range(3):  # the size is a part of the text, and hardly ever changes its length
        text = _filled(caption, packed, size)
        size = len(text.encode())
    return text


def share(density: float) -> str:
    """A density in percent, with the digits that tell something.

    Example:
        >>> share(0.1), share(0.0525), share(1.0)
        ('10 %', '5.2 %', '100 %')
    """
    digits = f"{100 * density:.2g}" if density < 0.995 else "100"
    return f"{digits}\u00a0%"


def _filled(caption: Caption, packed: bytes, size: int) -> str:
    style, script = _packaged("page.css"), _script()
    policy = (
        f"default-src 'none'; img-src data: blob:; style-src '{_hash(style)}'; "
        f"script-src '{_hash(script)}' 'wasm-unsafe-eval'"
    )
    names = {"name": _slug(caption.title), "class_names": list(caption.class_names)}
    return Template(_packaged("page.html")).substitute(
        policy=policy,
        style=style,
        script=script,
        title=escape(caption.title),
        lead=escape(_lead(caption)),
        story=escape(_story(caption)),
        origin=escape(caption.origin),
        weights=escape(f"{caption.active:,} of {caption.maskable:,}"),
        density=share(caption.density),
        dense=megabytes(caption.dense_bytes),
        size=megabytes(size),
        seed=caption.seed,
        # "</script" within a name must not end the element.
        about=json.dumps(names).replace("<", "\\u003c"),
        runtime=_carried(_module("sparsegan.wasm")),
        relaxed=_carried(_relaxed()),
        generator=_carried(packed),
    )


def _lead(caption: Caption) -> str:
    if caption.active == caption.maskable:
        return (
            "Pictures that never were, drawn while you watch by a network of "
            f"{caption.active:,} weights."
        )
    return (
        "Pictures that never were, drawn while you watch by a network that has kept "
        f"{share(caption.density)} of its weights."
    )


def _story(caption: Caption) -> str:
    story = (
        "A generator: a neural network that turns a list of random numbers into a picture. It has "
        "learnt from many pictures what such pictures look like. Numbers that lie close together "
        "give pictures that are alike, so that a walk through them is a film."
    )
    if caption.active == caption.maskable:
        return story
    return (
        f"{story} It is sparse: of {caption.maskable:,} connections only {caption.active:,} are "
        "there. The others need no memory and no time, which is why all of it fits into this page "
        "and runs in it."
    )


@cache
def _relaxed() -> bytes:
    """What makes the module with relaxed multiply-adds of the one without: both would not fit."""
    return json.dumps(patch(_module("sparsegan.wasm"), _module("relaxed.wasm"))).encode()


def _module(name: str) -> bytes:
    return resources.files(__package__).joinpath(name).read_bytes()


def _script() -> str:
    """All scripts as one module, without comments and indentation."""
    text = "\n".join(_packaged(name) for name in _SCRIPTS)
    text = re.sub(r"^ */\*\*(?:.|\n)*?\*/\n|^import .*\n|^ *//.*\n", "", text, flags=re.MULTILINE)
    return re.sub(r"^(?:export | +)", "", text, flags=re.MULTILINE)


def _carried(content: bytes) -> str:
    """Bytes as text that the page can read."""
    return base64.b64encode(gzip.compress(content, 9, mtime=0)).decode()


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"


def _packaged(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


def _slug(title: str) -> str:
    return re.sub(r"\W+", "-", title.lower()).strip("-") or "picture"
