from xml.etree.ElementTree import fromstring

from gateway.xmpp import namespaces as ns
from gateway.xmpp.caps import PARTICIPANT_FEATURES, Capabilities

QUERY = fromstring("<query xmlns='http://jabber.org/protocol/disco#info' node='n#v'/>")


def test_the_example_of_xep_0115_section_5_2_has_its_verification_string() -> None:
    exodus = Capabilities(
        "http://code.google.com/p/exodus",
        "client",
        "pc",
        "Exodus 0.9.1",
        (
            "http://jabber.org/protocol/muc",
            "http://jabber.org/protocol/disco#info",
            "http://jabber.org/protocol/disco#items",
            "http://jabber.org/protocol/caps",
        ),
    )
    assert exodus.verification == "QgayPKawpkPSDYmwT/WM94uAlu0="


def test_the_answer_has_exactly_what_was_hashed() -> None:
    ours = Capabilities()
    answer = ours.answer(QUERY)
    (identity,) = answer.findall(f"{{{ns.DISCO_INFO}}}identity")
    read = Capabilities(
        ours.node,
        identity.get("category", ""),
        identity.get("type", ""),
        identity.get("name", ""),
        tuple(part.get("var", "") for part in answer.findall(f"{{{ns.DISCO_INFO}}}feature")),
    )
    assert read.verification == ours.verification == ours.to_presence().get("ver")
    assert answer.get("node") == "n#v"


def test_a_question_without_a_node_is_answered_without_one() -> None:
    assert (
        Capabilities().answer(fromstring(f"<query xmlns='{ns.DISCO_INFO}'/>")).get("node") is None
    )


def test_audio_is_offered_and_nothing_that_would_change_the_offer() -> None:
    assert "urn:xmpp:jingle:apps:rtp:audio" in PARTICIPANT_FEATURES
    assert "http://jitsi.org/json-encoded-sources" in PARTICIPANT_FEATURES
    unwanted = {
        "urn:xmpp:jingle:apps:rtp:video",
        "urn:xmpp:jingle:transports:dtls-sctp:1",
        "http://jitsi.org/ssrc-rewriting-1",
        "http://jitsi.org/opus-red",
        "http://jitsi.org/tcc",
    }
    assert not unwanted & set(PARTICIPANT_FEATURES)
