"""A generator as one HTML page that draws by itself: weights, runtime and page in one file."""
