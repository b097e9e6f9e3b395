import pytest

from sparsegan.methods.rewinding import Rewinding


@pytest.mark.parametrize(
    ("event", "sentence"),
    [
        (Rewinding(0, "rewound"), "a training begins anew with the weights of the start"),
        (Rewinding(50, "rewound"), "a training begins anew with the weights of step 50"),
        (Rewinding(0, "drawn"), "a training begins anew with the weights of the start, shuffled"),
        (Rewinding(None, "inherited"), "a training begins anew with the inherited weights"),
    ],
)
def test_it_says_what_a_training_begins_with(event, sentence):
    assert str(event) == sentence
