"""Implementations of greedy information-gain selection, all with the interface of `problem`."""
