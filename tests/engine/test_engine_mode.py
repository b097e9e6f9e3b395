"""The mode hands functions to handlers and keeps what waits from being overtaken."""

import pytest
import torch
import torch.nn.functional as F

from sparsegan.engine.mode import Interception
from sparsegan.engine.pending import Pending


@pytest.fixture
def features():
    return torch.randn(3, 4, 2, 2)


def test_an_activation_of_a_calm_network_waits_and_finish_computes_it(features):
    with Interception({}, calm=True) as mode:
        waiting = F.relu(features)
    assert isinstance(waiting, Pending)
    result = mode.finish(waiting)
    assert type(result) is torch.Tensor
    assert torch.equal(result, features.clamp(min=0))


def test_nothing_waits_where_features_may_change_in_place(features):
    with Interception({}, calm=False):
        assert type(F.relu(features)) is torch.Tensor


def test_a_write_into_the_source_computes_what_waits_first(features):
    wanted = features.clamp(min=0)
    with Interception({}, calm=True) as mode:
        waiting = F.relu(features)
        features.mul_(-1)
        assert torch.equal(mode.finish(waiting), wanted)


def test_a_changed_feature_map_is_noticed():
    x = torch.randn(2, 3, 4, 4, requires_grad=True) * 1
    with Interception({}, calm=False) as mode:
        x + 1
        assert not mode.changed
        x.add_(1)
    assert mode.changed


def test_after_an_interrupt_functions_run_as_they_are(features):
    mode = Interception({}, calm=True)

    def interrupt():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), mode:
        mode.__torch_function__(interrupt, ())
    assert mode.stopped
    with mode:
        assert type(F.relu(features)) is torch.Tensor
