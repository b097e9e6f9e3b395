import os

import pytest
import yaml

from sparsegan import yaml_text
from sparsegan.errors import SparseganError

LAUGHS = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 20)
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("# nothing", None),
        ("a: ~", {"a": None}),
        ("a:", {"a": None}),
        ("a: 2020-13-45", {"a": "2020-13-45"}),
        ("a: 1:30", {"a": "1:30"}),
        ("a: 010", {"a": "010"}),
        ("a: 0x_", {"a": "0x_"}),
        ("a: yes", {"a": "yes"}),
        ("a: [true, 3, -4, 0.5, 1.0e+3, .inf]", {"a": [True, 3, -4, 0.5, 1000.0, float("inf")]}),
        (f"a: {'9' * 5000}", {"a": "9" * 5000}),
        ("a: &a {x: 1}\nb: *a\nc: {<<: *a, x: 2}", {"a": {"x": 1}, "b": {"x": 1}, "c": {"x": 2}}),
        ("a: 1\r\nb: 2\r\n", {"a": 1, "b": 2}),
    ],
)
def test_plain_values_mean_what_they_say(text, value):
    assert yaml_text.load(text) == value


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a: !!int x", "line 1 has the tag tag:yaml.org,2002:int"),
        ("a: !!python/object/apply:os.system [x]", "has the tag"),
        ("a: &a [*a]", r"line 1 has \*a within itself"),
        ("[" * 10_000, "line 1 is more than 16 groups or lists deep"),
        ("\n".join("  " * i + "a:" for i in range(100)), "line 17 is more than 16"),
        ("a: 1\na: 2", "a is there twice"),
        ("x: {a: 1, a: 2}", "a is there twice"),
        ("1: a", "line 1 has '1' as a key"),
        ("~: a", "has '~' as a key"),
        ("a: 1\n? [b]\n: 2", "line 2 has a list or group as a key"),
        ("a: 1\n---\nb: 2", "line 2 begins a second document"),
    ],
)
def test_what_no_settings_need_is_refused(text, sentence):
    with pytest.raises(SparseganError, match=sentence):
        yaml_text.load(text)


@pytest.mark.parametrize("text", [LAUGHS, "- 1\n" * 200, "a: [" + "1, " * 200 + "]"])
def test_values_are_counted_as_what_they_stand_for(text, monkeypatch):
    monkeypatch.setattr(yaml_text, "VALUES", 100)
    with pytest.raises(SparseganError, match="more than 100 values, by line"):
        yaml_text.load(text)


@pytest.mark.parametrize("text", ["a: [1", "a: b: c", "\x00", "a: *b", "@", "%x", "a: \x07"])
def test_what_is_no_yaml_says_so(text, tmp_path):
    with pytest.raises(yaml.YAMLError):
        yaml_text.load(text)
    (tmp_path / "f.yaml").write_text(text)
    with pytest.raises(SparseganError, match=r"f\.yaml is not YAML"):
        yaml_text.read(tmp_path / "f.yaml")


def test_files_are_utf_8_with_or_without_a_mark(tmp_path):
    file = tmp_path / "f.yaml"
    file.write_bytes(b"\xef\xbb\xbfa: \xc3\xa4\r\n")
    assert yaml_text.read(file) == {"a": "ä"}
    for other in ("latin-1", "utf-16"):
        file.write_bytes("a: ä".encode(other))
        with pytest.raises(SparseganError, match=r"f\.yaml is not UTF-8"):
            yaml_text.read(file)


def test_large_files_are_not_read_on(tmp_path):
    (tmp_path / "large.yaml").write_text("#" * (yaml_text.BYTES + 1))
    with pytest.raises(SparseganError, match=r"larger than 1,048,576 bytes"):
        yaml_text.read(tmp_path / "large.yaml")


def test_pipes_devices_and_folders_are_not_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path, kind in ((tmp_path / "pipe", "a pipe"), (tmp_path, "a directory")):
        with pytest.raises(SparseganError, match=f"which is {kind}: name a file"):
            yaml_text.read(path)
    with pytest.raises(SparseganError, match="/dev/zero, which is a device"):
        yaml_text.read(yaml_text.Path("/dev/zero"))
