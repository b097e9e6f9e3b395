"""The package's own names come when asked for, and PyTorch no earlier than they."""

import subprocess
import sys

import pytest

import sparsegan


def test_every_public_name_is_there():
    for name in sparsegan.__all__:
        assert getattr(sparsegan, name) is not None
        assert name in dir(sparsegan)


@pytest.mark.parametrize("room", ["export", "study"])
def test_rooms_that_messages_name_are_there_at_once(room):
    program = f"import sparsegan; sparsegan.{room}.load"
    subprocess.run([sys.executable, "-c", program], check=True)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute"):
        _ = sparsegan.Adopt


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["sample", "--help"]])
def test_help_does_not_wait_for_pytorch(arguments):
    program = (
        "import sys; from sparsegan.cli import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit: pass\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program, *arguments], check=True, capture_output=True)


def test_what_draws_and_evaluates_does_not_wait_for_what_only_trains():
    program = (
        "import sys, sparsegan.train.evaluate_run, sparsegan.train.trained\n"
        "assert 'lightning_fabric' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
