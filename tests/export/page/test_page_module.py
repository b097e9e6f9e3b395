"""The compiled runtime that pages carry is what the sources make."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
import torch
from toy_export import frozen, inputs

from sparsegan.export import Blueprint
from sparsegan.export.packed import packed

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "src" / "sparsegan" / "export" / "page"
NAMES = ("sparsegan.wasm", "relaxed.wasm")


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The folder of modules that were compiled now; a test marked `full` skips before without."""
    folder = tmp_path_factory.mktemp("built")
    subprocess.run([ROOT / "scripts" / "build_wasm.sh", folder], check=True)
    return folder


@pytest.mark.full("wasm")
def test_the_same_compiler_makes_the_same_modules(built):
    """Another compiler may make other ones: what they do is held below."""
    if (built / "compiler.txt").read_text() != (PAGE / "compiler.txt").read_text():
        pytest.skip("another compiler")
    for name in NAMES:
        assert (built / name).read_bytes() == (PAGE / name).read_bytes()


SCRIPT = """
import { readFileSync } from "node:fs";
import { Generator } from "./runtime.mjs";

const [folder, file, calls] = process.argv.slice(2);
const code = (name) => readFileSync(`${folder}/${name}`);
const answers = {};
for (const name of ["sparsegan.wasm", "relaxed.wasm"]) {
  if (!WebAssembly.validate(code(name))) continue;
  const exports = WebAssembly.Module.exports(new WebAssembly.Module(code(name)));
  const generator = await Generator.open(code(name), new Uint8Array(readFileSync(file)));
  const images = JSON.parse(calls).map(([z, label]) => [...generator.draw(z, label)]);
  answers[name] = { exports: exports.map((one) => one.name).sort(), images };
}
console.log(JSON.stringify(answers));
"""


def drawn(folder, modules, file, calls):
    """By the name of each module that this node knows, its exports and its images."""
    (folder / "draw.mjs").write_text(SCRIPT)
    shutil.copy(PAGE / "runtime.js", folder / "runtime.mjs")
    command = ["node", folder / "draw.mjs", modules, file, json.dumps(calls)]
    return json.loads(subprocess.run(command, capture_output=True, check=True).stdout)


@pytest.mark.full("wasm", "node")
@pytest.mark.parametrize("network", ["dcgan", "biggan"])
def test_the_modules_of_the_page_do_what_the_sources_say(built, tmp_path, network):
    classes = 3 if network == "biggan" else None
    toy = frozen(Blueprint(network, 32, 3, width=2, latent_dim=20, classes=classes))
    (tmp_path / "packed").write_bytes(packed(toy)[0])
    network_inputs = inputs(toy.blueprint, 2)
    z, labels = (*network_inputs, torch.zeros(2, dtype=torch.int64))[:2]
    calls = list(zip(z.tolist(), labels.tolist(), strict=True))
    now, carried = (drawn(tmp_path, of, tmp_path / "packed", calls) for of in (built, PAGE))
    assert "sparsegan.wasm" in carried
    assert now.keys() == carried.keys()
    expected = toy.generator(*network_inputs).flatten(1)
    for name in now:
        assert now[name]["exports"] == carried[name]["exports"]
        images = torch.tensor([of[name]["images"] for of in (now, carried)])
        assert (images[0] - images[1]).abs().max() < 1e-5
        assert (images[1] - expected).abs().max() < 1e-4
