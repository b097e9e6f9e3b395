"""Training: the loop, its settings, checkpoints, sampling and evaluation.

Nothing is imported here, so that the command line starts quickly; import the modules themselves:
`sparsegan.train.loop.train`, `sparsegan.train.loop.resume`, `sparsegan.draw.sampling`.
"""
