import copy
import pickle

import pytest
import torch
from torch import nn

from sparsegan.hooks import Hook, before_all


def test_the_last_hook_before_all_runs_first_in_any_way_of_reading():
    module, ran = nn.Linear(2, 2), []
    module.register_forward_pre_hook(lambda *_: ran.append("another's"))
    before_all(module, Hook(lambda *_: ran.append("first")))
    before_all(module, Hook(lambda *_, **__: ran.append("second")), with_kwargs=True)
    module(torch.zeros(1, 2))
    assert ran == ["second", "first", "another's"]
    hooks = module._forward_pre_hooks
    assert list(dict.keys(hooks)) == list(hooks)


def test_a_hook_that_was_removed_runs_no_more():
    module, ran = nn.Linear(2, 2), []
    handles = [before_all(module, Hook(lambda *_, n=n: ran.append(n))) for n in range(3)]
    handles[1].remove()
    module(torch.zeros(1, 2))
    assert ran == [2, 0]


@pytest.mark.parametrize("twin", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_a_copy_carries_a_hook_without_effect(twin):
    module, ran = nn.Linear(2, 2), []
    before_all(module, Hook(lambda *_: ran.append(1)))
    twin(module)(torch.zeros(1, 2))
    assert not ran
