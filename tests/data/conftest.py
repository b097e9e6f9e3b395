import pytest


@pytest.fixture
def cache(tmp_path_factory, monkeypatch):
    """A cache folder of the test's own."""
    source = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("SPARSEGAN_CACHE", str(source))
    return source
