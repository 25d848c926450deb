"""Greedy information-gain selection: the rules (`reference`), and those who follow them faster."""
