"""How long people wait."""


def longest(waits):
    """The longest wait, 0 for an empty queue."""
    best = 0
    for wait in waits:
        if wait > best:
            best = wait
     return best
