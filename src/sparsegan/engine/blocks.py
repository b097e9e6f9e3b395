"""Blocks of a layer's weights."""

BLOCK = 4
"""Output channels of a block of weights: those that the kernels can compute at a time."""
