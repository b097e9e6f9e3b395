import pytest

from sparsegan.study.executors.base import Executor


class Counting(Executor):
    closed = 0

    def has_room(self, task, beside=()):
        return False

    def submit(self, tasks):
        return []

    def close(self):
        self.closed += 1


def test_leaving_an_executor_closes_it_whatever_has_happened():
    executor = Counting()
    with executor as entered:
        assert entered is executor
    with pytest.raises(KeyError), executor:
        raise KeyError
    assert executor.closed == 2
