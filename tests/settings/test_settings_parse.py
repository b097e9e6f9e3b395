import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from sparsegan.errors import SparseganError
from sparsegan.methods import METHODS
from sparsegan.settings import parse
from sparsegan.settings.options import attribute_help, options
from sparsegan.settings.parse import Layer
from sparsegan.settings.values import describe_type
from tiny_run import SETTINGS


def read(*layers, flags=()):
    return parse.parse([Layer(f"file {i}", values) for i, values in enumerate(layers)], flags)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_reads_back_what_it_wrote(method):
    config = read({"method": {"name": method}, "data": {"path": "photos"}})
    assert read(yaml.safe_load(parse.to_yaml(config))) == config
    assert config.method.settings == METHODS[method].Settings()


@pytest.mark.parametrize("method", METHODS)
def test_every_setting_is_described(method):
    assert [option.key for option in options(method) if not option.help] == []


def test_later_layers_win_and_flags_win_over_all():
    config = read(
        {"steps": 1, "seed": 1, "batch_size": 10},
        {"steps": 2, "seed": 2},
        flags=["--steps", "3"],
    )
    assert (config.steps, config.seed, config.batch_size) == (3, 2, 10)


def test_another_method_leaves_behind_what_it_does_not_have():
    config = read(
        {"method": {"name": "adapt", "generator_density": 0.25, "density_step": 0.1}},
        {"method": {"name": "static"}},
    )
    assert config.method.name == "static"
    assert config.method.settings.generator_density == 0.25


@settings(max_examples=30, deadline=None)
@given(
    key=st.sampled_from(sorted({o.key for m in METHODS for o in options(m)} - {"method.name"})),
    method=st.sampled_from(sorted(METHODS)),
)
def test_no_key_but_its_name_changes_the_method(key, method):
    known = [option for m in (method, *METHODS) for option in options(m)]
    default = next(option.default for option in known if option.key == key)
    nested = default
    for part in reversed(key.split(".")):
        nested = {part: nested}
    nested.setdefault("method", {})
    nested["method"]["name"] = method
    nested = yaml.safe_load(yaml.safe_dump(parse._plain(nested)))
    if key in {option.key for option in options(method)}:
        assert read(nested).method.name == method
    else:
        with pytest.raises(SparseganError, match=key):
            read(nested)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"stesp": 3}, "unknown key stesp: did you mean steps? (in file 0)"),
        ({"method": {"genrator_density": 1}}, "did you mean method.generator_density?"),
        ({"lr": 1}, "mean optimiser.generator.lr or optimiser.discriminator.lr?"),
        ({"method": {"name": "adpt"}}, "unknown method adpt: did you mean adapt?"),
        (
            {"method": {"name": "static", "low": 0.1}},
            "but of adapt, calibrated, dda, joint (in file 0)",
        ),
        ({"method": "adapt"}, "the group method of file 0 holds 'adapt'"),
        ({"method": {"name": ["adapt"]}}, "unknown method ['adapt']"),
        ({"steps": "many"}, "steps is 'many': it must be a whole number"),
        ({"steps": 1.5}, "steps is 1.5: it must be a whole number"),
        ({"steps": 0}, "steps is 0: it must be at least 1"),
        ({"data": {"channels": 2}}, "data.channels is 2: it must be one of 1, 3 or null"),
        ({"data": {"flip": "perhaps"}}, "it must be true or false"),
        ({"optimiser": {"generator": {"betas": [0.5]}}}, "a list of 2 values"),
        ({"optimiser": {"generator": {"betas": [0.5, 1.0]}}}, "must lie in [0, 1)"),
        ({"optimiser": {"discriminator": {"lr": 0}}}, "discriminator.lr is 0.0: it must be above"),
        ({"optimiser": {"decay_from": 1}}, "optimiser.decay_from is 1.0: it must lie in [0, 1)"),
        ({"optimiser": {"lr_decay": "cosine"}}, "lr_decay is 'cosine': it must be one of none, li"),
        ({"accumulate": 0}, "accumulate is 0: it must be at least 1"),
        ({"augment": ["cutout", "cutout"]}, "augment is cutout, cutout: name every change once"),
        (
            {"augment": ["colour"]},
            "a list such as color,translation, of color, translation",
        ),
        (
            {"augment": "colour"},
            "augment is 'colour': it must be a list such as color,translation",
        ),
        ({"loss": {"history": -1}}, "loss.history is -1: it must be at least 0"),
        ({"evaluate": {"images": 1}}, "evaluate.images is 1: an evaluation needs two at least"),
        ({"loss": {"r1_noise": 0}}, "loss.r1_noise is 0.0: it must be above 0"),
        (
            {"loss": {"r1": 0.1}, "fabric": {"precision": "bf16-mixed"}},
            "loss.r1_noise is 0.01 and fabric.precision is bf16-mixed: scores have too few digits",
        ),
        (
            {"loss": {"r1": 0.1, "r1_noise": 1e-8}},
            "loss.r1_noise is 1e-08 and fabric.precision is 32-true: scores have too few digits",
        ),
        ({"loss": {"cycle": 5}}, "loss.cycle is 5.0 and network.name is dcgan: it is a setting of"),
        (
            {"network": {"name": "cyclegan"}, "loss": {"gradient_penalty": 10}},
            "loss.gradient_penalty is 10.0 and network.name is cyclegan",
        ),
        ({"evaluate": {"at": [0.5, 1.5]}}, "evaluate.at is 0.5, 1.5: shares of the run lie in [0"),
        ({"evaluate": {"metrics": ["kid", "fid"]}}, "kid,frechet, of kid, frechet, prdc, classes"),
        ({"evaluate": {"metrics": ["prdc"]}}, "is prdc: name each number once, and kid among them"),
        ({"evaluate": {"metrics": ["kid", "kid"]}}, "evaluate.metrics is kid, kid: name each"),
        (3, "file 0 holds 3"),
    ],
)
def test_bad_settings_are_named_with_the_remedy(values, sentence):
    with pytest.raises(SparseganError) as refused:
        read(values)
    assert sentence in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["--stesp", "3"], "unknown option --stesp: did you mean --steps?"),
        (["--method.genrator_density=0.1"], "did you mean --method.generator_density?"),
        (["--lr", "0.1"], "mean --optimiser.generator.lr or --optimiser.discriminator.lr?"),
        (["--step", "3"], "did you mean --steps?"),
        (["--steps", "x"], "steps is 'x': it must be a whole number"),
        (["--steps"], "--steps has no value behind it: it must be a whole number"),
        (["--method", "adapt"], "unknown option --method: did you mean --method.name?"),
        (["--method.name"], "--method.name names no method"),
        (["--method.low", "0.1", "--method.name", "static"], "of adapt, calibrated, dda, joint"),
        (["photos"], "photos belongs to no option"),
        (["--augment", "color", "cutout"], "cutout belongs to no option: write the list as --aug"),
        (["--data.flip", "--seed", "1"], "--data.flip has no value behind it: it must be true or"),
        (["--method.generator_density", "10%"], "it must be a number, written out: 0.1"),
    ],
)
def test_bad_flags_are_named_with_the_remedy(flags, sentence):
    with pytest.raises(SparseganError) as refused:
        read(flags=flags)
    assert sentence in str(refused.value)
    assert "\n" not in str(refused.value)


def test_numbers_may_be_written_as_people_write_them():
    config = read(yaml.safe_load("optimiser: {generator: {lr: 2e-4}}"))
    assert config.optimiser.generator.lr == 2e-4


def test_files_that_cannot_be_read_are_named(tmp_path):
    with pytest.raises(SparseganError, match=r"missing\.yaml: No such file"):
        parse.read(tmp_path / "missing.yaml")
    (tmp_path / "bad.yaml").write_text("steps: [1\n")
    with pytest.raises(SparseganError, match=r"bad\.yaml is not YAML \(line 2\)"):
        parse.read(tmp_path / "bad.yaml")
    (tmp_path / "twice.yaml").write_text("method: {name: dda}\nsteps: 1\nmethod: {low: 0.1}\n")
    with pytest.raises(SparseganError, match=r"in .*twice\.yaml, method is there twice"):
        parse.read(tmp_path / "twice.yaml")


def test_a_written_configuration_reads_back_below_its_notes(tmp_path):
    config = read(SETTINGS)
    parse.write(tmp_path / "config.yaml", config, ["steps 9 -> 3: seconds"])
    assert parse.read(tmp_path / "config.yaml") == config
    assert (tmp_path / "config.yaml").read_text().startswith("# steps 9 -> 3: seconds\nmethod:")


def test_help_is_taken_from_docstrings_of_bases_too():
    class Base:
        """A base.

        Attributes:
            a: One line.
            b: Two
                lines.
        """

    class Child(Base):
        """A child.

        Attributes:
            a: Another line.
        """

    assert attribute_help(Child) == {"a": "Another line.", "b": "Two lines."}


def test_types_in_words():
    assert describe_type(int | None) == "a whole number or null"
    assert describe_type(tuple[str, ...]) == "a list such as a,b"


def test_a_network_of_ones_own_leaves_the_architectures_settings_behind():
    recipe = {"generator_width": 24, "discriminator_width": 48, "latent_dim": 9}
    network = read({"network": recipe}, flags=["--generator", "my:G"]).network
    assert (network.generator, network.generator_width, network.latent_dim) == ("my:G", None, None)
    assert (network.discriminator, network.discriminator_width) == (None, 48)
    flags = ["--discriminator=my:D", "--network.discriminator_width=3"]
    assert read({"network": recipe}, flags=flags).network.discriminator_width == 3
    mine = {"generator": "my:G", "latent_dim": 7}
    network = read({"network": recipe}, {"network": mine}).network
    assert (network.generator_width, network.latent_dim) == (None, 7)
    assert read({"network": recipe | mine}).network.generator_width == 24
    assert read({"network": recipe}, {"network": {"generator": None}}).network.latent_dim == 9


def test_a_dotted_key_may_name_the_method():
    layer = Layer("a file", {"method.name": "static", "method.generator_density": 0.3})
    method = parse.parse([layer]).method
    assert (method.name, method.settings.generator_density) == ("static", 0.3)
