import platform

import torch

import sparsegan
from sparsegan import machine


def test_a_group_of_processes_may_have_less_memory_than_the_machine(tmp_path, monkeypatch):
    monkeypatch.setattr(machine, "_CGROUP", tmp_path / "memory.max")
    whole = machine.memory()
    assert 2**28 < whole < 2**63
    for text, expected in (("max\n", whole), ("12345\n", 12345), (str(2**62), whole)):
        (tmp_path / "memory.max").write_text(text)
        assert machine.memory() == expected


def test_there_are_processors():
    assert machine.processors() >= 1


def test_versions_of_what_runs():
    assert machine.versions() == {
        "sparsegan": sparsegan.__version__,
        "torch": torch.__version__,
        "python": platform.python_version(),
    }
