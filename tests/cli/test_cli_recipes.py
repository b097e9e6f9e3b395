from command_line import refused
from sparsegan import cli
from sparsegan.settings import recipes


def test_recipes_are_listed_by_folder_and_shown_with_sources(capsys):
    assert cli.main(["recipes", "static"]) == 0
    listed = capsys.readouterr().out
    assert "  static/strong/sngan-stl10 " in listed
    assert "ADAPT tables 1 and 3" in listed
    assert "adapt/sngan-cifar10" not in listed
    assert cli.main(["recipes"]) == 0
    listed = capsys.readouterr().out
    alone = [name for name in recipes.names() if not recipes.find(name).of]
    assert all(f"  {name} " in listed for name in alone)
    assert "  sound/NAME  " in listed
    assert "sound/adapt" not in listed
    assert max(map(len, listed.splitlines())) <= 80
    assert cli.main(["recipes", "adapt/sngan-cifar10"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "generator_batch_size 128 our recount of the published FLOPs" in shown
    assert "method.faithful [all] " in shown
    assert cli.main(["recipes", "small"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "method.balance_window 20 our choice: control_interval / balance_every" in shown
    assert "see above" not in shown
    assert cli.main(["recipes", "sound/stu-gan"]) == 0
    assert "  sound/stu-gan/headline " in capsys.readouterr().out
    assert "did you mean adapt/sngan-cifar10" in refused(capsys, "recipes", "adapt/sngan-cifar")
