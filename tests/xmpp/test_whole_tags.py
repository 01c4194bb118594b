"""However a stream is cut, a parser gets whole tags, at once and in order."""

from itertools import pairwise
from xml.etree.ElementTree import XMLPullParser

from hypothesis import given
from hypothesis import strategies as st

from gateway.xmpp.whole_tags import WholeTags

STREAM = (
    "<stream><message to='a'><body>h\u00e9llo &amp; b > c</body></message> <presence/>"
    "<iq type='set'><jingle><json>{&quot;a&quot;:[1,2]}</json></jingle></iq></stream>"
).encode()


@given(st.lists(st.integers(0, len(STREAM)), max_size=20))
def test_every_stanza_is_parsed_as_soon_as_it_is_complete(cuts: list[int]) -> None:
    places = sorted({0, len(STREAM), *cuts})
    tags, parser = WholeTags(), XMLPullParser(("end",))
    seen: list[str] = []
    for start, end in pairwise(places):
        parser.feed(tags.feed(STREAM[start:end]))
        seen += [element.tag for _, element in parser.read_events()]
        done = [tag for tag in ("message", "presence", "iq") if tag in seen]
        complete = STREAM[:end].decode(errors="ignore")
        ends = {"message": "</message>", "presence": "<presence/>", "iq": "</iq>"}
        assert done == [tag for tag, text in ends.items() if text in complete]
    assert seen[-1] == "stream"


def test_what_never_ends_is_not_held_for_ever() -> None:
    tags = WholeTags()
    passed = b"".join(tags.feed(b"x" * 100_000) for _ in range(20))
    assert len(passed) > 1_000_000


def test_a_new_stream_begins_with_nothing() -> None:
    tags = WholeTags()
    tags.feed(b"<unfinished")
    tags.reset()
    assert tags.feed(b"<stream>") == b"<stream>"
