"""Which transaction a message belongs to (RFC 3261 17.1.3, 17.2.3, 8.2.2.2)."""

from dataclasses import replace

import pytest

from gateway.sip.call_ids import CallIds
from gateway.sip.counters import Counters
from gateway.sip.flow import Flow, Transmission
from gateway.sip.message import Request, Response, parse_message
from gateway.sip.timers import TimerQueue, Timers
from gateway.sip.transaction import Failure, User
from gateway.sip.transaction_layer import MAGIC_COOKIE, TransactionLayer
from gateway.sip.transaction_tables import Input
from tests.sip.wire import TCP, UDP, FakeNetwork, request, response


def new_layer() -> TransactionLayer:
    return TransactionLayer(Timers(), TimerQueue(), Counters(), FakeNetwork(), CallIds())


def parsed(data: bytes) -> Request:
    message = parse_message(data)
    assert isinstance(message, Request)
    return message


def answered(to: Request, status: int, **kwargs: object) -> Response:
    message = parse_message(response(to, status, **kwargs))  # type: ignore[arg-type]
    assert isinstance(message, Response)
    return message


class Client:
    """A client transaction's user that notes what it hears."""

    def __init__(self, layer: TransactionLayer, method: str = "INFO", flow: Flow = UDP) -> None:
        self.heard: list[int | Failure] = []
        self.request = parsed(request(method, to_tag="x"))
        layer.add_via(self.request, flow)
        user = User(self._hear, lambda failure, now: self.heard.append(failure))
        self.transaction = layer.open_client(self.request, flow, user, 0.0, fallback=None)

    def _hear(self, message: object, now: float) -> None:
        assert isinstance(message, Response)
        self.heard.append(message.status)


@pytest.mark.parametrize(
    ("changes", "is_same"),
    [
        ({}, True),
        ({"call_id": "other", "from_tag": "other"}, True),  # the branch alone decides
        ({"branch": "z9hG4bK-2"}, False),
        ({"via": "SIP/2.0/UDP 192.0.2.10:5063;branch=z9hG4bK-1"}, False),  # another sender
        ({"via": "SIP/2.0/UDP 192.0.2.10:5062;x=y;branch=z9hG4bK-1"}, True),
        # pyVoIP sends the INVITE with credentials on the branch of the refused one
        ({"cseq": 2}, False),
    ],
)
def test_a_request_is_a_repetition_by_branch_sender_and_number(
    changes: dict[str, object], is_same: bool
) -> None:
    layer = new_layer()
    opened = layer.open_server(parsed(request()), UDP, 0.0)
    found = layer.find_server(parsed(request(**changes)), "INVITE")  # type: ignore[arg-type]
    assert (found is opened) is is_same


def test_ack_and_cancel_find_the_invite_and_bye_does_not() -> None:
    layer = new_layer()
    opened = layer.open_server(parsed(request()), UDP, 0.0)
    for method in ("ACK", "CANCEL"):
        assert layer.find_server(parsed(request(method)), "INVITE") is opened
        assert layer.find_server(parsed(request(method)), method) is None


@pytest.mark.parametrize(
    ("changes", "is_same"),
    [({}, True), ({"call_id": "x"}, False), ({"from_tag": "x"}, False)],
)
@pytest.mark.parametrize("branch", [";branch=1", ";branch=", ""])
def test_before_rfc_3261_the_branch_does_not_decide_alone(
    branch: str, changes: dict[str, str], is_same: bool
) -> None:
    layer, via = new_layer(), f"SIP/2.0/UDP 192.0.2.10{branch}"
    opened = layer.open_server(parsed(request(via=via)), UDP, 0.0)
    found = layer.find_server(parsed(request(via=via, **changes)), "INVITE")  # type: ignore[arg-type]
    assert (found is opened) is is_same


def test_a_request_in_progress_that_comes_on_another_path_is_merged() -> None:
    layer = new_layer()
    transaction = layer.open_server(parsed(request(branch="z9hG4bKa")), UDP, 0.0)
    assert layer.is_merged(parsed(request(branch="z9hG4bKb")))
    assert not layer.is_merged(parsed(request(branch="z9hG4bKb", from_tag="new")))
    assert not layer.is_merged(parsed(request(branch="z9hG4bKb", cseq=2)))
    transaction.abandon()
    assert not layer.is_merged(parsed(request(branch="z9hG4bKb")))
    assert len(layer) == 0


def test_our_via_names_us_and_asks_for_the_port() -> None:
    layer, first, second = new_layer(), parsed(request()), parsed(request())
    layer.add_via(first, TCP)
    layer.add_via(second, replace(TCP, listener=("2001:db8::1", 5061)))
    (value,) = first.headers.getlist("Via")
    sent_by, branch, rport = value.split(";")
    assert (sent_by, rport) == ("SIP/2.0/TCP 192.0.2.1:5060", "rport")
    assert branch.startswith(f"branch={MAGIC_COOKIE}") and len(branch) > 30
    assert second.headers["Via"].startswith("SIP/2.0/TCP [2001:db8::1]:5061;")
    assert first.headers.via.parameters["branch"] != second.headers.via.parameters["branch"]


def test_a_response_finds_its_client_by_branch_and_method() -> None:
    layer = new_layer()
    client = Client(layer)
    assert layer.receive_response(answered(client.request, 180), 0.0)
    assert client.heard == [180]
    stranger = parsed(request("INFO"))
    assert not layer.receive_response(answered(stranger, 200), 0.0)
    cancel = replace(client.request, method="CANCEL")
    cancel.headers.set("CSeq", "1 CANCEL")
    assert not layer.receive_response(answered(cancel, 200), 0.0)
    assert client.heard == [180]


def test_what_could_not_be_sent_ends_its_transaction_only() -> None:
    layer = new_layer()
    client, other = Client(layer), Client(layer)
    layer.report_transport_error(client.transaction.key, 0.0)
    layer.report_transport_error("", 0.0)
    assert (client.heard, other.heard) == ([Failure.TRANSPORT_ERROR], [])
    assert len(layer) == 1


def test_an_unreachable_port_ends_all_that_send_datagrams_there() -> None:
    layer = new_layer()
    elsewhere = replace(UDP, remote=("192.0.2.11", 5062))
    there, also_there = Client(layer), Client(layer)
    others = [Client(layer, flow=elsewhere), Client(layer, flow=TCP)]
    layer.report_unreachable(UDP.remote, 0.0)
    assert there.heard == also_there.heard == [Failure.TRANSPORT_ERROR]
    assert [other.heard for other in others] == [[], []]


def test_a_servers_responses_go_where_the_request_says() -> None:
    layer = new_layer()
    asked = parsed(request("OPTIONS", via="SIP/2.0/UDP 10.0.0.1:5070;branch=z9hG4bK1"))
    transaction = layer.open_server(asked, UDP, 0.0)
    transaction.respond(answered(asked, 200), 0.0)
    (sent,) = layer.outbox
    assert isinstance(sent, Transmission)
    assert sent.flow.remote == ("192.0.2.10", 5070)
    assert sent.transaction == transaction.key


def test_a_request_that_cannot_be_written_opens_nothing() -> None:
    layer, evil = new_layer(), parsed(request("INFO"))
    evil.headers.set("Subject", "a\r\nb")
    with pytest.raises(ValueError, match="line end"):
        layer.open_client(evil, UDP, User(lambda *_: None, lambda *_: None), 0.0, fallback=None)
    assert len(layer) == 0


def test_a_transaction_that_is_over_is_forgotten() -> None:
    layer = new_layer()
    transaction = layer.open_server(parsed(request()), UDP, 0.0)
    transaction.feed(Input.TRANSPORT_ERROR, 0.0)
    assert len(layer) == 0
    assert layer.find_server(parsed(request()), "INVITE") is None
