"""Methods show every keyword, with its type, default and help, to `help`, editors and mypy."""

import dataclasses
import inspect
import pydoc
from pathlib import Path

import jedi
import mypy.api
import pytest
import torch
from torch import nn

import project_script
import sparsegan
from sparsegan.errors import SparseganError
from sparsegan.methods import METHODS, Method
from sparsegan.settings.options import attribute_help

ROOT = Path(__file__).parents[3]
LOOP = ["G", "D", "opt_G", "opt_D", "steps", "seed", "include", "engine"]


@pytest.fixture(scope="module")
def script():
    return project_script.script("method_keywords")


def pair():
    G = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 16), nn.Tanh())
    D = nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 1))
    return G, D, torch.optim.Adam(G.parameters()), torch.optim.Adam(D.parameters())


@pytest.mark.parametrize("method", METHODS.values())
def test_the_files_are_as_the_script_writes_them(method, script):
    assert script.path(method).read_text() == script.source(method)


@pytest.mark.parametrize("method", METHODS.values())
def test_signature_and_help_show_every_setting_with_its_default(method):
    parameters = dict(inspect.signature(method).parameters)
    fields = {field.name: field.default for field in dataclasses.fields(method.Settings)}
    assert sorted(parameters) == sorted([*LOOP, *fields])
    assert {name: parameters[name].default for name in fields} == fields
    shown = " ".join(pydoc.render_doc(method, renderer=pydoc.plaintext).replace("|", " ").split())
    for name, text in attribute_help(method.Settings).items():
        assert f"{name}: {text}".replace("|", " ") in shown


def test_a_notebook_completes_and_shows_them():
    code = "sparsegan.Adapt(G, D, opt_G, opt_D, generator_d"
    (signature,) = jedi.Interpreter(code, [{"sparsegan": sparsegan}]).get_signatures()
    described = {parameter.name: parameter.description for parameter in signature.params}
    assert described["generator_density"] == "param generator_density: float=0.1"
    completed = {one.name for one in jedi.Interpreter(code, [{"sparsegan": sparsegan}]).complete()}
    assert "generator_density=" in completed


@pytest.mark.full
def test_mypy_knows_names_and_types(tmp_path):
    (tmp_path / "loop.py").write_text(
        "import sparsegan\nfrom typing import Any\n"
        "def build(parts: Any) -> sparsegan.Adapt:\n"
        "    sparsegan.StuGan(*parts, steps=10, explore='both')\n"
        "    sparsegan.Adapt(*parts, steps=10, density=0.1)\n"
        "    return sparsegan.Adapt(*parts, steps=10, generator_density='much')\n"
    )
    said, _, _ = mypy.api.run([str(tmp_path / "loop.py"), "--follow-imports=silent"])
    assert [line.split(":")[1] for line in said.splitlines()[:-1] if "error" in line] == ["5", "6"]


@pytest.mark.parametrize(
    ("keyword", "meant"),
    [
        ("density", "did you mean generator_density or discriminator_density?"),
        ("sparsity", "1 - sparsity"),
        ("intervall", "did you mean interval?"),
    ],
)
def test_an_unknown_keyword_is_one_sentence(keyword, meant):
    with pytest.raises(SparseganError, match=f"unknown setting '{keyword}': ") as refused:
        sparsegan.Adapt(*pair(), steps=10_000, **{keyword: 0.1})
    assert meant in str(refused.value)


def test_a_method_of_ones_own_keeps_its_own_defaults():
    @dataclasses.dataclass(frozen=True, kw_only=True)
    class Settings(sparsegan.Static.Settings):
        generator_density: float = 0.5
        mine: int = 3

    class Mine(sparsegan.Static):
        pass

    Mine.Settings = Settings
    method = Mine(*pair(), steps=100, mine=4)
    assert isinstance(method, Method)
    assert (method.settings.generator_density, method.settings.mine) == (0.5, 4)


def test_a_method_says_where_it_stands():
    method = sparsegan.Static(*pair(), steps=100, generator_density=0.25)
    assert repr(method) == ("Static(step 0 of 100, density: generator 0.25, discriminator 0.25)")


def test_intervals_that_a_run_is_too_short_for_are_warned_of(caplog):
    method = sparsegan.Adapt(*pair(), steps=300)
    (sentence,) = [word for word in method.inspection.warnings if "never happens" in word]
    assert sentence.startswith("control_interval is 1000 and interval is 500, and the run has 300")
    assert sentence in caplog.text
    fitting = sparsegan.Adapt(
        *pair(), steps=300, interval=50, control_interval=100, balance_every=1
    )
    assert not fitting.inspection.warnings
