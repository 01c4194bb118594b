"""Lines that strangers can bring about."""

from gateway.sparse_lines import SparseLines


def test_a_line_at_once_then_no_more_than_one_in_a_while_with_what_was_left_out() -> None:
    lines = SparseLines(10.0)
    assert [lines.count(now) for now in (0.0, 1.0, 9.9, 10.0, 11.0)] == [1, None, None, 3, None]


def test_a_call_s_lines_are_all_there_until_its_phone_never_ends() -> None:
    lines = SparseLines.one_a_second()
    assert [lines.count(0.1 * key) for key in range(30)] == [1] * 30  # a PIN and a password
    told = [times for key in range(5_000) if (times := lines.count(60 + key / 500)) is not None]
    assert 30 < len(told) <= 40  # in ten seconds
    assert 4_500 < sum(told) <= 5_000
    assert lines.count(200.0) is not None
