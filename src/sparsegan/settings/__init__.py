"""A run's settings: typed, read strictly from recipes, files and flags."""
