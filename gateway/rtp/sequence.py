"""Serial-number arithmetic: which of two wrapping counters is later, and by how much (RFC 1982)."""


def distance(later: int, earlier: int, bits: int) -> int:
    """How far `later` is ahead of `earlier`, negative if it is behind; half the circle each way."""
    half = 1 << (bits - 1)
    return ((later - earlier + half) & ((1 << bits) - 1)) - half
