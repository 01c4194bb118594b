"""Breweries that are added and removed while the gateway runs."""

import base64

import pytest

from gateway.conference.breweries import Breweries
from gateway.conference.brewery import BreweryAccount, BreweryStats
from gateway.config.configuration import parse
from gateway.config.dial_out import BrewerySection
from gateway.errors import ConfigError
from gateway.jigasi_accounts import JigasiAccounts

CONFIG = parse(
    {
        "jitsi": {"domain": "meet.test", "host": "192.0.2.1", "tls": "insecure"},
        "trunk": [{"name": "t", "from": ["192.0.2.0/24"]}],
    }
)
PROPERTIES = {
    "USER_ID": "jigasi@auth.meet.test",
    "PASSWORD": base64.b64encode(b"secret").decode(),
    "SERVER_ADDRESS": "192.0.2.7",
    "BREWERY": "JigasiBrewery@internal.auth.meet.test",
    "DOMAIN_BASE": "meet.test",
    "BOSH_URL_PATTERN": "https://{host}{subdomain}/http-bind?room={roomName}",
}


def accounts() -> tuple[JigasiAccounts, list[BreweryAccount]]:
    made: list[BreweryAccount] = []
    breweries = Breweries(None, BreweryStats)  # type: ignore[arg-type]

    def account(section: BrewerySection) -> BreweryAccount:
        made.append(CONFIG.brewery_account(section))
        return made[-1]

    return JigasiAccounts(breweries, account), made


async def test_an_account_of_jigasis_is_a_brewery_of_ours() -> None:
    them, made = accounts()
    them.add("one", PROPERTIES)
    (account,) = made
    assert account.room == "jigasibrewery@internal.auth.meet.test"
    assert (account.server.domain, account.server.host) == ("auth.meet.test", "192.0.2.7")
    assert account.server.account is not None
    assert account.server.account.password == "secret"
    assert account.server.account.jid.startswith("jigasi@auth.meet.test/one-")
    assert account.server.tls is not None
    assert them.list() == ("one",)
    assert await them.remove("one")
    assert not await them.remove("one")
    assert them.list() == ()


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"USER_ID": "jigasi"}, "USER_ID: 'jigasi' is no JID"),
        ({"BREWERY": "x/y"}, "BREWERY: 'x/y' is no room"),
        ({"PASSWORD": "!"}, "PASSWORD: write it in base64"),
        ({"SERVER_ADDRESS": "a b"}, "SERVER_ADDRESS: 'a b' is no domain"),
    ],
)
def test_what_is_wrong_with_it_is_told_in_jigasis_words(
    change: dict[str, str], problem: str
) -> None:
    them, made = accounts()
    with pytest.raises(ConfigError) as refused:
        them.add("one", {**PROPERTIES, **change})
    assert any(line.startswith(problem) for line in refused.value.problems)
    assert made == []


def test_what_is_missing_is_told_all_at_once() -> None:
    them, _ = accounts()
    with pytest.raises(ConfigError) as refused:
        them.add("one", {})
    assert {line.partition(":")[0] for line in refused.value.problems} == {
        "USER_ID",
        "PASSWORD",
        "BREWERY",
    }


def test_an_id_is_used_once() -> None:
    them, _ = accounts()
    them.add("one", PROPERTIES)
    with pytest.raises(ConfigError, match="already"):
        them.add("one", PROPERTIES)


def test_without_encryption_only_if_that_is_said() -> None:
    them, made = accounts()
    them.add("one", {**PROPERTIES, "ALLOW_NON_SECURE": "true"})
    assert made[0].server.tls is None
