"""Everything that a real conference sent is understood, and nothing of it is refused."""

import pytest

from gateway.xmpp import namespaces as ns
from gateway.xmpp.caps import Capabilities
from gateway.xmpp.conference_request import ConferenceResult
from gateway.xmpp.element import element, local_name
from gateway.xmpp.jingle import Action, Jingle
from gateway.xmpp.presence import OccupantPresence, PresenceRefused, parse_presence
from gateway.xmpp.reception import JingleReceived, Reception
from tests.xmpp.traces import NAMES, Entry, trace

CLIENT = f"{{{ns.CLIENT}}}"
RAYO = "urn:xmpp:rayo:1"


def incoming(name: str) -> list[Entry]:
    return [
        entry for entry in trace(name) if entry.incoming and entry.stanza.tag.startswith(CLIENT)
    ]


def reception_in(name: str) -> Reception:
    requests = [part for entry in trace(name) for part in entry.stanza.iter() if part.get("room")]
    room = requests[0].get("room") if requests else "jigasibrewery@internal.auth.meet.test"
    return Reception(Capabilities(), focus=f"{room}/focus")


def test_there_is_a_trace_of_every_scenario() -> None:
    assert len(NAMES) == 14
    assert all(incoming(name) for name in NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_every_stanza_is_received_without_an_error(name: str) -> None:
    reception = reception_in(name)
    for entry in incoming(name):
        answer, _ = reception.receive(entry.stanza)
        is_request = entry.stanza.get("type") in ("get", "set")
        assert (answer is not None) == is_request
        if answer is not None:
            expected = "error" if entry.stanza.find(f"{{{RAYO}}}dial") is not None else "result"
            assert answer.get("type") == expected


@pytest.mark.parametrize("name", NAMES)
def test_every_presence_is_of_an_occupant_or_an_error(name: str) -> None:
    for entry in incoming(name):
        if local_name(entry.stanza) != "presence":
            continue
        presence = parse_presence(entry.stanza)
        if isinstance(presence, PresenceRefused):
            assert presence.error.condition in ("not-authorized", "registration-required")
            continue
        assert presence.nick and presence.real_jid
        if presence.nick == "focus":
            assert presence.role == "moderator"
            assert presence.real_jid == "focus@auth.meet.test/focus"


def all_jingle(name: str, action: Action) -> list[Jingle]:
    reception = reception_in(name)
    received = [reception.receive(entry.stanza)[1] for entry in incoming(name)]
    return [
        message.jingle
        for message in received
        if isinstance(message, JingleReceived) and message.jingle.action == action
    ]


@pytest.mark.parametrize("name", NAMES)
def test_every_offer_is_complete(name: str) -> None:
    for jingle in all_jingle(name, Action.SESSION_INITIATE):
        assert jingle.initiator == "focus@auth.meet.test/focus"
        assert jingle.bridge_session is not None
        (content,) = jingle.contents
        assert content.name == "audio"
        assert content.description is not None
        assert [payload.name for payload in content.description.payload_types] == [
            "opus",
            "telephone-event",
        ]
        assert [extension.id for extension in content.description.extensions] == [1, 10]
        assert content.transport is not None
        assert content.transport.ufrag and content.transport.pwd
        assert content.transport.web_socket
        (fingerprint,) = content.transport.fingerprints
        assert (fingerprint.hash, fingerprint.setup) == ("sha-256", "actpass")
        (candidate,) = content.transport.candidates
        assert (candidate.host, candidate.port) == ("10.99.0.1", 10000)
        assert "jvb" in {source.owner for source in jingle.sources}
        assert jingle.start_muted == (name == "start-muted")


@pytest.mark.parametrize("name", NAMES)
def test_every_source_names_its_owner(name: str) -> None:
    for action in (Action.SOURCE_ADD, Action.SOURCE_REMOVE):
        for jingle in all_jingle(name, action):
            assert jingle.sources
            assert all(source.name == f"{source.owner}-a0" for source in jingle.sources)


def test_the_videobridge_that_is_killed_takes_its_source_and_then_the_session_away() -> None:
    (removed,) = all_jingle("bridge-killed", Action.SOURCE_REMOVE)
    assert [source.ssrc for source in removed.sources] == [292370690]
    (terminated,) = all_jingle("bridge-killed", Action.SESSION_TERMINATE)
    assert str(terminated.reason) == "success (moving)"
    first, second = all_jingle("bridge-killed", Action.SESSION_INITIATE)
    assert first.sid != second.sid and first.bridge_session != second.bridge_session


@pytest.mark.parametrize("name", NAMES)
def test_every_conference_is_granted(name: str) -> None:
    for entry in incoming(name):
        if entry.stanza.find(f"{{{ns.JITSI_FOCUS}}}conference") is not None:
            result = ConferenceResult.parse(entry.stanza)
            assert result.ready
            assert result.focus_jid == "focus@auth.meet.test"
            assert result.properties["authentication"] == "false"


def test_leaving_presences_say_why() -> None:
    def last(name: str) -> OccupantPresence:
        presence = parse_presence(incoming(name)[-1].stanza)
        assert isinstance(presence, OccupantPresence) and not presence.available
        return presence

    kicked = last("kicked")
    assert 307 in kicked.statuses and kicked.is_self
    assert (kicked.actor, kicked.reason) == ("2a085eeb", "bye")
    ended = last("end-meeting")
    assert ended.destroyed is not None
    assert ended.destroyed.reason == "The meeting has been terminated"
    assert ended.destroyed.alternate is None


@pytest.mark.parametrize("name", NAMES)
def test_the_verification_string_is_computed_as_the_real_parties_compute_it(name: str) -> None:
    for entry in trace(name):
        query = entry.stanza.find(f"{{{ns.DISCO_INFO}}}query")
        if (
            query is None
            or entry.stanza.get("type") != "result"
            or "#" not in query.get("node", "")
        ):
            continue
        node, _, verification = query.get("node", "").partition("#")
        identities = query.findall(f"{{{ns.DISCO_INFO}}}identity")
        if len(identities) != 1:
            continue  # Prosody's has many, browsers' has none
        (identity,) = identities
        features = [part.get("var", "") for part in query.findall(f"{{{ns.DISCO_INFO}}}feature")]
        capabilities = Capabilities(
            node,
            identity.get("category", ""),
            identity.get("type", ""),
            identity.get("name", ""),
            tuple(features),
        )
        assert capabilities.verification == verification
        answer = capabilities.answer(element(ns.DISCO_INFO, "query", {"node": query.get("node")}))
        assert answer.get("node") == query.get("node")
        assert {part.get("var") for part in answer} == {part.get("var") for part in query}
