import pytest

from sparsegan.errors import SparseganError
from sparsegan.record.primary import PRIMARY
from sparsegan.settings import recipes
from sparsegan.settings.parse import Layer, flat, parse
from sparsegan.study.cells import Group, cells, nested


def group(**values):
    layer = Layer(
        "here",
        nested({k: v for k, v in values.items() if k not in ("recipe", "scale", "match")}, "here"),
    )
    return Group(values.get("recipe"), values.get("scale"), values.get("match"), layer)


def settings(cell):
    return flat(cell.config)


def test_cells_are_the_product_in_order():
    arms = {"a": group(**{"method.name": "static"}), "b": group(**{"method.name": "sdst"})}
    axes = {"method.generator_density": [0.1, 0.2], "batch_size": [4, 8]}
    made = cells(group(steps=50), arms, axes, [3, 1], "here")
    expected = [
        (arm, density, batch, seed)
        for arm in "ab"
        for density in (0.1, 0.2)
        for batch in (4, 8)
        for seed in (3, 1)
    ]
    keys = ("method.generator_density", "batch_size", "seed")
    assert [(c.arm, *(settings(c)[k] for k in keys)) for c in made] == expected
    assert [(c.arm, *c.axes.values(), c.seed) for c in made] == expected
    assert made[0].name == "a,method.generator_density=0.1,batch_size=4/seed=3"
    assert made[0].point == made[1].point != made[2].point
    assert len({cell.name for cell in made}) == len(made)


def test_an_axis_is_none_of_an_arm_whose_method_lacks_it():
    arms = {
        "dense": group(**{"method.name": "dense"}),
        "static": group(**{"method.name": "static"}),
    }
    made = cells(group(steps=9), arms, {"method.generator_density": [0.1, 0.2]}, [0], "here")
    assert [cell.name for cell in made] == [
        "dense/seed=0",
        "static,method.generator_density=0.1/seed=0",
        "static,method.generator_density=0.2/seed=0",
    ]


def test_methods_can_be_an_axis():
    axes = {"method.name": ["dense", "static"], "method.generator_density": [0.1, 0.2]}
    made = cells(group(steps=9), {"all": group()}, axes, [0], "here")
    assert [cell.config.method.name for cell in made] == ["dense", "static", "static"]


def test_later_settings_win_and_recipes_come_first():
    name = recipes.names()[0]
    arms = {"whole": group(recipe=name), "short": group(recipe=name, steps=7)}
    made = cells(group(steps=5, batch_size=3), arms, {"batch_size": [2]}, [0], "here")
    published = parse(recipes.layers(name))
    assert [cell.config.steps for cell in made] == [published.steps, 7]
    assert {cell.config.batch_size for cell in made} == {2}


def test_a_small_scale_keeps_what_the_study_states():
    base = group(recipe="adapt/sngan-cifar10", scale="small", steps=500)
    (cell,) = cells(base, {"a": group()}, {"method.interval": [17]}, [0], "here")
    assert (cell.config.steps, cell.config.method.settings.interval) == (500, 17)
    assert cell.config.batch_size < parse(recipes.layers("adapt/sngan-cifar10")).batch_size


def test_cells_are_evaluated_where_their_number_is_from_unless_the_study_says_otherwise():
    arms = {"a": group(), "b": group(**{"evaluate.at": [], "threads": 2})}
    plain, own = cells(group(steps=1000), arms, {}, [0], "here")
    assert plain.config.evaluate.at == PRIMARY
    assert (plain.config.threads, own.config.threads) == (1, 2)
    assert own.config.evaluate.at == ()


def test_dotted_keys_and_groups_are_one():
    values = {"method.name": "sdst", "method": {"interval": 5, "low.x": 1}, "steps": 2}
    assert nested(values, "here") == {
        "method": {"name": "sdst", "interval": 5, "low": {"x": 1}},
        "steps": 2,
    }


@pytest.mark.parametrize(
    "values",
    [
        {"method.name": "sdst", "method": {"name": "dda"}},
        {"method": 3, "method.name": "dda"},
        {"method.name": "dda", "method": 3},
    ],
)
def test_a_setting_that_is_there_twice_is_refused(values):
    with pytest.raises(SparseganError, match="twice in here"):
        nested(values, "here")


@pytest.mark.parametrize(
    ("axes", "sentence"),
    [
        ({"method.generator_densty": [0.1]}, "did you mean method.generator_density"),
        ({"batchsize": [1]}, "did you mean batch_size"),
        ({"method.density_step": [0.1]}, "a setting of no arm's method"),
        ({"batch_size": [4, "4"]}, "two cells of here are both a,batch_size=4/seed=0"),
        ({"batch_size": ["many"]}, "batch_size is 'many': it must be a whole number"),
        ({"batch_size": [0]}, r"must be at least 1 \(in arm a of here\)"),
    ],
)
def test_axes_are_read_strictly(axes, sentence):
    with pytest.raises(SparseganError, match=sentence):
        cells(group(), {"a": group(**{"method.name": "static"})}, axes, [0], "here")


def test_long_names_are_cut_and_stay_different():
    axes = {key: ["a" * 90, "b" + "a" * 89] for key in ("data.source", "data.path")}
    axes |= {"data.held_out": ["c" * 90], "evaluate.features": ["c" * 90]}
    made = cells(group(), {"a": group()}, axes, [0], "here")
    assert len({cell.name for cell in made}) == 4
    assert max(len(cell.name) for cell in made) < 230


def test_the_name_of_a_cell_is_one_folder_whatever_its_value():
    values = ["a/../b:C", "x" * 200 + ":C"]
    made = cells(group(), {"a": group()}, {"network.generator": values}, [0], "here")
    for cell in made:
        folder, seed = cell.name.split("/")
        assert seed == "seed=0"
        assert len(folder) < 100
        assert folder.replace("network.generator", "").strip("a") not in (".", "..")


def test_an_arm_of_small_dense_networks_is_one_at_each_density_of_an_axis():
    sparse = {"method": {"name": "static"}, "network": {"latent_dim": 8}}
    densities = {"method.generator_density": [0.1, 0.4]}
    arms = {"small": group(match="weights", **sparse)}
    made = cells(group(), arms, densities, [0, 1], "test")
    assert [cell.axes for cell in made] == [
        {"method.generator_density": d} for d in (0.1,) * 2 + (0.4,) * 2
    ]
    assert {cell.config.method.name for cell in made} == {"dense"}
    narrow, wide = (made[i].config.network.generator_width for i in (0, 2))
    assert narrow < wide
