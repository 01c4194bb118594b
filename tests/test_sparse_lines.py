"""Lines that strangers can bring about."""

from gateway.sparse_lines import SparseLines


def test_a_line_at_once_then_no_more_than_one_in_a_while_with_what_was_left_out() -> None:
    lines = SparseLines(10.0)
    assert [lines.count(now) for now in (0.0, 1.0, 9.9, 10.0, 11.0)] == [1, None, None, 3, None]
