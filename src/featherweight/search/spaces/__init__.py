"""Spaces of architectures: what can be decided, and the network that it makes."""
