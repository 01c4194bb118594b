"""Which calls are admitted at all."""

from ipaddress import ip_network

from gateway.calls.routing import Trunk
from gateway.calls.services import Services
from gateway.calls.switchboard import Switchboard
from gateway.sip.admission import FORBID, Refusal, Verdict, unavailable
from tests.calls.fake_phone import FLOW, FakePhone

TRUNK = Trunk("trunk", (ip_network(f"{FLOW.remote[0]}/32"),))


def admitted(*, overloaded: bool) -> Verdict | Refusal:
    services = Services(
        installations=(),
        user_agent=None,  # type: ignore[arg-type]
        switch=None,  # type: ignore[arg-type]
        local_host=lambda flow: "10.0.0.1",
        retry_after=17,
    )
    switchboard = Switchboard(
        (TRUNK,),
        services,
        strangers=FORBID,
        max_calls=10,
        is_overloaded=lambda: overloaded,
    )
    return switchboard.admit(FLOW, FakePhone("room").call.request)


async def test_while_media_is_overloaded_calls_are_to_come_later() -> None:
    assert admitted(overloaded=True) == unavailable(17)
    assert admitted(overloaded=False) is Verdict.ACCEPT
