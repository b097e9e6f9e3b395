import argparse
import contextlib
import re

import pytest

from sparsegan import cli
from sparsegan.cli.parser import OWNERS, Parser, add_run_options, add_trust, positive
from sparsegan.errors import SparseganError


@pytest.fixture
def parser():
    parser = Parser("look", "Look at a run.", "example:\n  sparsegan look runs/one")
    add_run_options(parser)
    return parser


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], r"arguments are required: RUN \(see `sparsegan look --help`\)"),
        (["run", "--bn", "x"], "invalid choice: 'x'"),
        (["run", "--weights"], "expected one argument"),
        (["run", "--chekpoint=3"], "unknown option --chekpoint: did you mean --checkpoint"),
        (["run", "--check", "3"], "unknown option --check"),
        (["--chekpoint=3"], "unknown option --chekpoint: did you mean --checkpoint"),
        (["run", "--bn", "x", "--wights", "ema"], "unknown option --wights"),
        (["run", "other"], r"other belongs to no option \(see"),
        (["run", "--walk", "a.gif"], "--walk is an option of `sparsegan sample`"),
        (["run", "--quality=best"], "--quality is an option of `sparsegan train`"),
        (["run", "--data.path", "x"], "--data.path is an option of `sparsegan train`"),
    ],
)
def test_complaints_are_one_sentence_and_options_are_spelt_out(parser, arguments, sentence):
    with pytest.raises(SparseganError, match=sentence):
        parser.parse_args(arguments)


@pytest.mark.parametrize(("flag", "command"), OWNERS.items())
def test_an_option_said_to_be_anothers_is_one_there(flag, command, capsys):
    with contextlib.suppress(SystemExit):
        cli.main([command, "--help_all" if command == "train" else "--help"])
    assert re.search(rf"{flag}\b", capsys.readouterr().out)


def test_help_keeps_the_lines_of_its_examples(parser):
    assert "example:\n  sparsegan look runs/one\n" in parser.format_help()


def test_what_draws_from_a_run_leaves_everything_as_the_run_had_it(parser):
    options = parser.parse_args(["run"])
    assert (options.checkpoint, options.bn, options.weights) == (None, None, None)
    assert options.trust_code is False


def test_code_is_trusted_where_the_flag_says_so():
    parser = Parser("look", "")
    add_trust(parser)
    assert parser.parse_args(["--trust_code"]).trust_code is True


@pytest.mark.parametrize("text", ["0", "-3", "1.5", "x", "", "²"])
def test_a_count_is_a_whole_number_of_at_least_one(text):
    assert positive("12") == 12
    with pytest.raises(argparse.ArgumentTypeError, match="is not a whole number of at least 1"):
        positive(text)
