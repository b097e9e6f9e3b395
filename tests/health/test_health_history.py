from health_events import balance, evaluation, progress
from sparsegan.health.history import KEPT, History
from sparsegan.record.events import End


def test_only_what_detectors_look_at_is_kept_and_no_more_than_they_need():
    history = History(1000)
    assert history.follow(progress(50))
    assert not history.follow(balance(50))
    assert not history.follow(evaluation(0, 9.0))  # of networks that have learnt nothing
    assert history.follow(evaluation(50, 9.0))
    assert not history.follow(End(step=50, seconds=1.0, steps_per_second=1.0))
    for step in range(KEPT + 10):
        history.follow(balance(step))
    assert (len(history.progress), len(history.evaluations), len(history.balance)) == (1, 1, KEPT)
