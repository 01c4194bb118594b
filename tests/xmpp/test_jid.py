import re

import pytest

from gateway.xmpp.jid import bare, endpoint_id, local, resource


def test_a_jid_is_taken_apart() -> None:
    jid = "room@conference.meet.test/nick/with@odd"
    assert (local(jid), bare(jid), resource(jid)) == (
        "room",
        "room@conference.meet.test",
        "nick/with@odd",
    )


def test_a_domain_has_no_local_part() -> None:
    assert local("meet.test") == local("meet.test/res@x") == ""
    assert resource("meet.test") == ""


def test_an_anonymous_user_is_the_endpoint_its_name_begins_with() -> None:
    jid = "0CF0c2f1-dded-4a56-a8a9-7f6de53d264d@meet.test/FOV-7MEykSTp"
    assert endpoint_id(jid, anonymous=True) == "0cf0c2f1"


@pytest.mark.parametrize(
    ("jid", "anonymous"),
    [
        ("jigasi@auth.meet.test/gw1", False),  # an account is not unique to a call
        ("a-_b-c-d-e@meet.test/x", True),  # would not be a legal nick
        ("-bcdefgh@meet.test/x", True),
        ("meet.test", True),
    ],
)
def test_other_names_give_random_endpoints(jid: str, anonymous: bool) -> None:
    made = {endpoint_id(jid, anonymous=anonymous) for _ in range(20)}
    assert len(made) == 20
    assert all(re.fullmatch("[0-9a-f]{8}", endpoint) for endpoint in made)
