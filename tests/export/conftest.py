"""That this file is here lets the tests of the inner rooms import the helpers beside it."""
