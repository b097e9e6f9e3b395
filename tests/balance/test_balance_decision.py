from sparsegan.balance import BalanceReading, Decision

READING = BalanceReading(0.9, 100, 100, 0, full=True)


def test_a_decision_moves_its_own_lever():
    assert Decision("raise", "", READING, 30, 40, 100).moves
    assert not Decision("hold", "", READING, 30, 30, 100).moves
    assert not Decision("rewire", "", READING, 30, 30, 100).moves
    for lever, before, after in (("steps", 2, 3), ("learning_rate", 1.0, 0.5)):
        assert Decision("raise", "", READING, 30, 30, 100, False, lever, (before, after)).moves
        assert not Decision("hold", "", READING, 30, 30, 100, False, lever, (after, after)).moves
