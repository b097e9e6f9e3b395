"""A generator as a folder for the Hugging Face hub, and back from there."""
