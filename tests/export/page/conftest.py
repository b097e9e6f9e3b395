"""A page in a browser, for the tests of this room."""

import pytest

from driven import DESKTOP, Browser


@pytest.fixture(scope="module")
def browser():
    """A browser that is driven; a test marked `full` skips before without one."""
    driven = Browser()
    yield driven
    driven.close()


@pytest.fixture
def opened(browser):
    """A function that opens a page at a desktop's size and waits until all samples are drawn."""

    def opened(path, **options):
        browser.open(path.as_uri(), **{**DESKTOP, **options})
        browser.wait("globalThis.sparsegan?.tiles.every((tile) => tile.drawn) ?? false")
        return browser

    return opened
