"""Greedy selection by information gain: the rules (`reference`), and faster solvers for them."""
