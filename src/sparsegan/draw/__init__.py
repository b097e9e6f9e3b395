"""Images out of a trained generator, as pictures."""
