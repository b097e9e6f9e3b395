"""The comments beside settings in a YAML file, by dotted key."""

from collections.abc import Iterator

import yaml


def comments(text: str) -> dict[str, str]:
    r"""What the comment at the end of each setting's line says.

    A comment behind a group's name holds for those settings of the group that have none.

    Args:
        text: A YAML mapping of settings and groups of settings.

    Returns:
        Comments without their ``#``, by dotted key; keys without one are absent.

    Example:
        >>> comments("steps: 5  # ours\nmethod: {low: 1, high: 2}  # theirs")
        {'steps': 'ours', 'method.low': 'theirs', 'method.high': 'theirs'}
    """
    node = yaml.compose(text, yaml.SafeLoader)
    if not isinstance(node, yaml.MappingNode):
        return {}
    return dict(_within(node, _by_line(text), "", ""))


def _within(
    group: yaml.MappingNode, by_line: dict[int, str], prefix: str, inherited: str
) -> Iterator[tuple[str, str]]:
    for key, value in group.value:
        # A value over several lines has its comment behind its last.
        where = key if isinstance(value, yaml.MappingNode) else value
        comment = by_line.get(where.end_mark.line, inherited)
        if isinstance(value, yaml.MappingNode):
            yield from _within(value, by_line, f"{prefix}{key.value}.", comment)
        elif comment:
            yield prefix + key.value, comment


def _by_line(text: str) -> dict[int, str]:
    ends: dict[int, int] = {}
    for token in yaml.scan(text, yaml.SafeLoader):
        mark = token.end_mark
        ends[mark.line] = max(mark.column, ends.get(mark.line, 0))
    comments: dict[int, str] = {}
    for number, line in enumerate(text.splitlines()):
        rest = line[ends[number] :].strip() if ends.get(number) else ""
        if rest.startswith("#"):
            comments[number] = rest[1:].strip()
    return comments
