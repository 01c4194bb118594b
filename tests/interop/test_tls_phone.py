"""baresip calls over TLS with SRTP, each side knowing the other by its certificate."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.calls.end_reason import EndReason
from tests.behaviour.stage import HOST, stage, voice_of
from tests.interop.test_foreign_phones import heard_by
from tests.phones import baresip
from tests.sip.authority import Authority

pytestmark = pytest.mark.interop


async def test_baresip_is_known_by_its_certificate_and_knows_ours(tmp_path: Path) -> None:
    if (missing := baresip.missing()) is not None:
        give_up: Callable[[str], None] = (
            pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        )
        give_up(missing)
    authority = Authority(tmp_path)
    ours = authority.config(HOST)
    certificate, key = authority.sign("phone.example.org", file="phone")
    both = tmp_path / "phone.pem"
    both.write_bytes(certificate.read_bytes() + key.read_bytes())
    tls = {
        "certificate": ours.certificate,
        "key": ours.key,
        "ca_file": authority.file,
        "client_certificates": "required",
    }
    settings = f"sip_certificate {both}\nsip_cafile {authority.file}\n"
    (tmp_path / "baresip").mkdir()
    async with stage(
        sip={"listen": [f"tls:{HOST}:0"], "tls": tls},
        trunk={"from": [], "certificate_names": ["phone.example.org"], "srtp": "required"},
    ) as scene:
        speakers = await scene.speakers("room1", "ann")
        uri = scene.uri("71", "tls")
        async with baresip.baresip(
            tmp_path / "baresip",
            uri,
            says=voice_of("phone"),
            encryption="srtp-mand",
            settings=settings,
        ) as call:
            await call.answered()
            assert await heard_by(scene, speakers, phone=call) == {
                "phone": {"ann"},
                "ann": {"phone"},
            }
            await call.hang_up()
            record = await scene.over()
        counters = scene.gateway.user_agent.counters
    assert record.end is not None
    assert record.end.reason is EndReason.CALLER_HUNG_UP
    assert counters.acks_missing == counters.unparsable == counters.malformed_requests == 0
