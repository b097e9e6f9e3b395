from rich.console import Console

from sparsegan.data import progress as module


def test_bar_on_a_terminal(monkeypatch, capsys):
    monkeypatch.setattr(module, "Console", lambda **_: Console(force_terminal=True, width=80))
    for bytewise, words in ((False, "30/40"), (True, "30/40 bytes")):
        with module.progress("Fetching [a]", 40, 10, bytewise=bytewise) as advance:
            advance(20)
        shown = capsys.readouterr().out
        assert "Fetching [a]" in shown
        assert words in shown


def test_nothing_elsewhere(capsys):
    with module.progress("Fetching", None) as advance:
        advance(20)
    assert capsys.readouterr() == ("", "")
