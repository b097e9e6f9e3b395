"""Where the cells of a study are worked on: an executor starts a command for each of them."""
