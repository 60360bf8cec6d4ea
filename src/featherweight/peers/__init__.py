"""Runtimes as the race runs them: one file each, `open_file(path, threads)` gives what runs it.

Nothing is imported here, so that a process holds one runtime and what it needs, and no more.
"""
