"""YAML as settings need it: plain values within limits, whoever has written the file.

Numbers, truth values and null are read as in YAML 1.2, and so that whatever YAML 1.1 would write
without quotes keeps its meaning: no dates, no base 60, no octal. The setting's type settles what is
text to one setting and a number to another (`settings.values`). Tags, keys that are no text or
there twice, and more than one document are refused.
"""

import re
from pathlib import Path
from typing import Any

import yaml

from sparsegan.errors import SparseganError
from sparsegan.files import require_regular

BYTES = 2**20
"""The largest file: far beyond any settings, and read in seconds."""
DEPTH = 16
"""Groups and lists within one another; settings have three."""
VALUES = 50_000
"""Values and keys in all, aliases counted as what they stand for."""


def read(path: Path) -> Any:
    """The value in a YAML file; None where it is empty.

    Raises:
        SparseganError: The file is missing, no regular file, too large, not UTF-8 or not YAML, or
            has what is refused here.
    """
    require_regular(path, "the configuration")
    try:
        with path.open("rb") as file:
            content = file.read(BYTES + 1)
    except OSError as error:
        raise SparseganError(f"cannot read the configuration {path}: {error.strerror}") from None
    if len(content) > BYTES:
        raise SparseganError(
            f"{path} is larger than {BYTES:,} bytes, which no settings are: name a YAML file of "
            "settings"
        )
    try:
        return load(content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise SparseganError(f"{path} is not UTF-8 text: save it as such") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" (line {mark.line + 1})" if mark else ""
        raise SparseganError(f"{path} is not YAML{line}: write `key: value` lines") from None
    except SparseganError as error:
        raise SparseganError(f"in {path}, {error}") from None


def load(text: str) -> Any:
    """The value that a YAML text stands for; None where it is empty.

    Raises:
        SparseganError: It has what is refused here.
        yaml.YAMLError: It is not YAML.
    """
    loader = _Loader(text)
    try:
        return loader.get_single_data()
    finally:
        loader.dispose()


class _Loader(yaml.SafeLoader):
    """Counts while it composes, before anything is made of what it has read."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - as the base class has it

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.depth = self.values = 0
        self.sizes: dict[int, int] = {}

    def get_single_node(self) -> yaml.Node | None:
        events: Any = self  # whose types PyYAML's stubs leave out
        events.get_event()
        node = None
        if not self.check_event(yaml.StreamEndEvent):
            node = self.compose_document()
        if not self.check_event(yaml.StreamEndEvent):
            line = events.peek_event().start_mark.line + 1
            raise SparseganError(f"line {line} begins a second document: leave one alone")
        return node

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        events: Any = self
        event = events.peek_event()
        line = event.start_mark.line + 1
        before = self.values
        if isinstance(event, yaml.AliasEvent) and event.anchor in self.anchors:
            size = self.sizes.get(id(self.anchors[event.anchor]))
            if size is None:
                raise SparseganError(f"line {line} has *{event.anchor} within itself: write it out")
            self.values += size
        elif getattr(event, "tag", None) not in (None, "!"):
            raise SparseganError(f"line {line} has the tag {event.tag}: write the value alone")
        else:
            self.values += 1
        if self.values > VALUES:
            raise SparseganError(f"there are more than {VALUES:,} values, by line {line}")
        if self.depth > DEPTH:
            raise SparseganError(f"line {line} is more than {DEPTH} groups or lists deep")
        self.depth += 1
        node: yaml.Node | None = super().compose_node(parent, index)
        self.depth -= 1
        if not isinstance(event, yaml.AliasEvent):
            self.sizes[id(node)] = self.values - before
        return node

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node: yaml.MappingNode = super().compose_mapping_node(anchor)
        names = set()
        for key, _ in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode) or key.tag not in (_TEXT, _MERGE):
                shown = repr(key.value) if isinstance(key, yaml.ScalarNode) else "a list or group"
                raise SparseganError(
                    f"line {line} has {shown} as a key: keys are names of settings"
                )
            if key.value in names:
                raise SparseganError(f"{key.value} is there twice: remove one of the two")
            names.add(key.value)
        return node


_TEXT, _MERGE = "tag:yaml.org,2002:str", "tag:yaml.org,2002:merge"

for _kind, _form, _first in (
    ("null", r"~|null|Null|NULL|", [*"~nN", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", [*"tTfF"]),
    ("int", r"[-+]?(0|[1-9][0-9]{0,99})", [*"-+0123456789"]),
    (
        "float",
        r"[-+]?[0-9]+\.[0-9]*([eE][-+][0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        [*"-+.0123456789"],
    ),
    ("merge", "<<", ["<"]),
):
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_kind}", re.compile(f"^(?:{_form})$"), _first
    )
