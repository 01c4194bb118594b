import contextlib
import json
from xml.etree.ElementTree import fromstring

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import JingleError
from gateway.xmpp import namespaces as ns
from gateway.xmpp.sources import (
    MAX_SOURCES,
    SignalledSource,
    SourceRegistry,
    parse_compact_sources,
)

ALICE = SignalledSource("alice", 11, "alice-a0", "s t")
BOB = SignalledSource("bob", 22, "bob-a0", "s u")
VIDEO = SignalledSource("bob", 23, "bob-v0", "s v", media="video")
BRIDGE = SignalledSource("jvb", 99, "jvb-a0", "mixedmslabel mixedlabelaudio0")


def compact(**owners: object) -> tuple[SignalledSource, ...]:
    return parse_compact_sources(json.dumps({"sources": owners}))


def xml(inside: str, attributes: str = "ssrc='2001' name='5e6f7a8b-a0'") -> SignalledSource:
    text = f"<source xmlns='{ns.JINGLE_SOURCES}' {attributes}>{inside}</source>"
    return SignalledSource.parse(fromstring(text), "audio")


def test_the_compact_form_lists_video_groups_and_audio_by_owner() -> None:
    assert compact(
        jvb=[[], [], [{"s": 99, "n": "jvb-a0", "m": "mixedmslabel mixedlabelaudio0"}]],
        bob=[[{"s": 23, "n": "bob-v0", "m": "s v"}], [["f", 23, 24]], [{"s": 22, "n": "bob-a0"}]],
    ) == (BRIDGE, VIDEO, SignalledSource("bob", 22, "bob-a0"))


def test_lists_at_the_end_of_the_compact_form_may_be_left_out() -> None:
    assert compact(a=[], b=[[]], c=[[], []], d=[[], [], None], e=[[], [], [], [], []]) == ()


def test_both_forms_accept_an_occupant_jid_as_owner() -> None:
    (source,) = compact(**{"r@muc.d/abcd": [[], [], [{"s": 1}]]})
    assert source.owner == "abcd"
    info = "<ssrc-info xmlns='http://jitsi.org/jitmeet' owner='r@muc.d/abcd'/>"
    assert xml(info).owner == "abcd"


def test_the_xml_form_is_read() -> None:
    source = xml(
        "<ssrc-info xmlns='http://jitsi.org/jitmeet' owner='5e6f7a8b'/>"
        "<parameter name='cname' value='x'/><parameter name='msid' value='stream track'/>"
    )
    assert source == SignalledSource("5e6f7a8b", 2001, "5e6f7a8b-a0", "stream track")


def test_without_an_owner_the_name_of_the_source_tells_it() -> None:
    assert xml("").owner == "5e6f7a8b"
    assert xml("", "ssrc='1'").owner == ""


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nonsense",
        "[]",
        "{}",
        '{"sources": []}',
        '{"sources": {"a": {}}}',
        '{"sources": {"a": [1]}}',
        '{"sources": {"a": [[], [], {}]}}',
        '{"sources": {"a": [[], [], [1]]}}',
        '{"sources": {"a": [[], [], [{}]]}}',
        '{"sources": {"a": [[], [], [{"s": "1"}]]}}',
        '{"sources": {"a": [[], [], [{"s": true}]]}}',
        '{"sources": {"a": [[], [], [{"s": 0}]]}}',
        '{"sources": {"a": [[], [], [{"s": 4294967296}]]}}',
        "[" * 100_000,
    ],
)
def test_a_wrong_compact_form_is_an_error(text: str) -> None:
    with pytest.raises(JingleError):
        parse_compact_sources(text)


@given(
    st.recursive(
        st.none() | st.integers() | st.text(max_size=5),
        lambda j: st.lists(j, max_size=5) | st.dictionaries(st.text(max_size=5), j, max_size=3),
        max_leaves=20,
    )
)
def test_no_compact_form_raises_anything_else(message: object) -> None:
    for text in (json.dumps(message), json.dumps({"sources": {"a": message}})):
        with contextlib.suppress(JingleError):
            parse_compact_sources(text)


def test_more_sources_than_any_conference_has_are_refused() -> None:
    many = [{"s": ssrc} for ssrc in range(1, MAX_SOURCES + 2)]
    with pytest.raises(JingleError, match="sources"):
        compact(a=[[], [], many])


@pytest.mark.parametrize("ssrc", ["0", "4294967296", "-1", ""])
def test_an_ssrc_is_a_positive_32_bit_number(ssrc: str) -> None:
    with pytest.raises(JingleError, match="ssrc"):
        xml("", f"ssrc='{ssrc}'")


def test_the_registry_gives_the_audio_of_endpoints_and_the_ssrc_of_the_bridge() -> None:
    registry = SourceRegistry([BRIDGE, ALICE, BOB, VIDEO])
    assert registry.audio == (ALICE, BOB)
    assert registry.bridge_ssrc == 99
    assert registry.ssrcs == {11, 22, 23, 99}
    assert SourceRegistry([ALICE]).bridge_ssrc is None


def test_adding_what_is_known_changes_nothing() -> None:
    registry = SourceRegistry([ALICE])
    assert not registry.add([ALICE])
    assert not registry.add([BRIDGE, VIDEO])
    assert registry.add([ALICE, BOB])


def test_an_ssrc_can_get_another_owner() -> None:
    registry = SourceRegistry([ALICE])
    heir = SignalledSource("carol", ALICE.ssrc, "carol-a0")
    assert registry.add([heir])
    assert registry.audio == (heir,)
    assert not registry.remove([ALICE])  # a late removal of the one before
    assert registry.audio == (heir,)


def test_removing_what_is_not_there_changes_nothing() -> None:
    registry = SourceRegistry([ALICE])
    assert not registry.remove([BOB])
    assert registry.remove([ALICE, BOB])
    assert registry.audio == ()


def test_who_leaves_takes_all_sources_along() -> None:
    registry = SourceRegistry([ALICE, BOB, VIDEO])
    assert registry.drop_owner("bob")
    assert registry.ssrcs == {ALICE.ssrc}
    assert not registry.drop_owner("bob")


def test_the_registry_does_not_grow_without_end() -> None:
    registry = SourceRegistry(SignalledSource("a", ssrc) for ssrc in range(1, MAX_SOURCES + 1))
    assert not registry.add([SignalledSource("b", MAX_SOURCES + 7)])
    assert registry.add([SignalledSource("b", 1)])


sources = st.builds(
    SignalledSource,
    owner=st.sampled_from(["alice", "bob", "jvb"]),
    ssrc=st.integers(1, 8),
    media=st.sampled_from(["audio", "video"]),
)


@given(st.lists(st.tuples(st.sampled_from(["add", "remove"]), st.lists(sources))))
def test_every_method_says_truly_whether_the_audio_has_changed(
    steps: list[tuple[str, list[SignalledSource]]],
) -> None:
    registry = SourceRegistry()
    for method, given_sources in steps:
        before = registry.audio
        changed = getattr(registry, method)(given_sources)
        assert changed == (registry.audio != before)
        assert all(source.owner != "jvb" for source in registry.audio)
