"""Sums over ranges."""


def sum_to(last):
    """1 + 2 + ... + last."""
    return sum(range(1, last))
