"""ICE restarts (4.7): the bridge has a new agent beside the old one, which is used until then."""

from aioice import stun

from gateway.lab.ice import ControllingAgent
from tests.lab.test_bridge_rules import HOME, Client, voice

ELSEWHERE = ("192.0.2.1", 4001)


def connected_client() -> Client:
    client = Client()
    client.connect()
    assert client.endpoint.connected
    return client


def check_of(agent: ControllingAgent, ufrag: str) -> bytes:
    request = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
    request.attributes["USERNAME"] = f"{agent.ufrag}:{ufrag}"
    request.attributes["PRIORITY"] = 1
    request.attributes["ICE-CONTROLLED"] = 1
    request.add_message_integrity(agent.pwd.encode())
    return bytes(request)


def answered(data: bytes, pwd: str) -> bytes:
    message = stun.parse_message(data)
    response = stun.Message(stun.Method.BINDING, stun.Class.RESPONSE, message.transaction_id)
    response.attributes["XOR-MAPPED-ADDRESS"] = ELSEWHERE
    response.add_message_integrity(pwd.encode())
    return bytes(response)


def test_ice_is_restarted_beside_the_old_path_and_dtls_goes_on() -> None:
    client = connected_client()
    endpoint, old = client.endpoint, client.endpoint.agent
    renewed = endpoint.restart_ice(client.now)
    assert renewed is not None and renewed.ufrag != old.ufrag
    assert endpoint.restart_ice(client.now) is renewed  # not answered yet: it is the same
    endpoint.take_outgoing()
    client.say(voice(1))
    assert len(client.media) == 1 and endpoint.agent is old
    endpoint.continue_ice(endpoint.ice_generation, "next", "q" * 22, client.now)
    endpoint.receive(check_of(renewed, "next"), ELSEWHERE, client.now)
    for _ in range(5):  # its check, and the one that nominates
        for data, address in endpoint.take_outgoing():
            if (
                address == ELSEWHERE
                and stun.parse_message(data).message_class == stun.Class.REQUEST
            ):
                endpoint.receive(answered(data, "q" * 22), ELSEWHERE, client.now)
    assert endpoint.agent is renewed and endpoint.agent.peer == ELSEWHERE
    assert (endpoint.ice_generation, endpoint.ice_restarts) == (1, 1)
    client.say(voice(2))
    endpoint.send(voice(3))
    assert len(client.media) == 2
    assert [address for _, address in endpoint.take_outgoing()] == [ELSEWHERE]
    # What is still under way of the old one is no mistake.
    endpoint.receive(check_of(old, client.ufrag), HOME, client.now)
    assert client.violations == []


def test_an_ice_restart_needs_a_path_that_has_connected() -> None:
    client = Client()
    client.answer()
    assert client.endpoint.restart_ice(client.now) is None


def test_an_ice_restart_that_is_overtaken_or_not_answered_changes_nothing() -> None:
    client = connected_client()
    endpoint, old = client.endpoint, client.endpoint.agent
    first = endpoint.restart_ice(client.now)
    endpoint.continue_ice(1, "next", "q" * 22, client.now)
    second = endpoint.restart_ice(client.now)
    assert second is not first and endpoint.ice_generation == 2
    endpoint.continue_ice(1, "late", "q" * 22, client.now)
    assert second is not None and not second.has_remote
    endpoint.handle_timer(client.now + 20.0)
    assert endpoint.agents == [old] and endpoint.connected
