from sparsegan.report.layers import layers_section
from well_formed import check


def test_before_and_after_of_every_layer(run):
    page = check(layers_section([run]))
    last = [row for row in run.rewires if row.network == "generator"][-1]
    for layer in run.layers("generator"):
        before, after = layer.active / layer.weights, last.densities[layer.name]
        assert layer.name in page.text
        if f"{before:.1%}" != f"{after:.1%}":
            assert f"{100 * before:.1f} % → {100 * after:.1f} %" in page.text
    assert "Nearly emptied at some step: output." in page.text


def test_layers_that_never_changed_have_one_number(other):
    text = check(layers_section([other])).text
    assert "→" not in text.split("Discriminator")[1]


def test_several_runs_are_folded(run, other):
    page = check(layers_section([run, other]))
    assert sum(tag == "details" for tag, _ in page.elements) == 2


def test_no_layers_no_section(bare):
    assert layers_section([bare]) == ""
