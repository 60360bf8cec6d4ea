"""Search for architectures: spaces, strategies, evaluation, on one machine or many."""
