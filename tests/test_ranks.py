"""Sums and agreement over two ranks; with one process everything is free."""

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp

from sparsegan import SparseganError, ranks


def test_one_process_needs_no_other():
    assert ranks.count() == 1
    tensor = torch.tensor([1.0, 2.0])
    assert ranks.sum_(tensor) is tensor
    assert ranks.mean_(tensor).tolist() == [1.0, 2.0]
    assert ranks.totals([1.5, 2.0**60 + 2**10], tensor.device) == [1.5, 2.0**60 + 2**10]
    ranks.require_equal([1, 2], "masks", torch.device("cpu"))


def _two(rank, meeting):
    dist.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=2)
    assert ranks.count() == 2
    assert ranks.sum_(torch.tensor([1.0 + rank, 10.0])).tolist() == [3.0, 20.0]
    assert ranks.mean_(torch.tensor([1.0 + rank, 10.0])).tolist() == [1.5, 10.0]
    assert ranks.totals([1.0 + rank, 2.0**50], torch.device("cpu")) == [3.0, 2.0**51]
    big = 2**63 - 1
    ranks.require_equal([big, 5], "masks", torch.device("cpu"))
    with pytest.raises(SparseganError, match="masks differ between ranks: start every rank"):
        ranks.require_equal([big, 5 + rank], "masks", torch.device("cpu"))
    dist.destroy_process_group()


def test_two_ranks_agree_or_both_raise(tmp_path):
    # Forked: nothing here computes in threads, and a fresh interpreter would take seconds.
    mp.start_processes(_two, args=(tmp_path / "meeting",), nprocs=2, start_method="fork")
