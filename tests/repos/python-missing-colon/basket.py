"""Prices of a shopping basket, in cents."""


def total(prices, discount=0)
    """Sum of the prices less a discount in percent."""
    whole = sum(prices)
    return whole - whole * discount // 100
