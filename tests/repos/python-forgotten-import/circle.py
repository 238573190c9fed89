"""Circles."""


def area(radius):
    return math.pi * radius * radius
