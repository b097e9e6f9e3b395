from sparsegan.words import counted


def test_one_is_one_and_others_are_many():
    assert counted(1, "step") == "1 step"
    assert counted(0, "step") == "0 steps"
    assert counted(12000, "evaluation") == "12,000 evaluations"
