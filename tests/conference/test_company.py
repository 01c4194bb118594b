"""Who counts as company, and who does not."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.conference.company import MAX_OCCUPANTS, Company, Kind, Occupant, Somebody
from gateway.conference.events import CompanyChanged
from gateway.xmpp.presence import OccupantPresence, parse_presence
from tests.xmpp.traces import NAMES, trace

JID = "room@conference.meet.test"
HIDDEN = ("hidden.meet.test", "recorder.meet.test")
JIGASI = frozenset({"http://jitsi.org/protocol/jigasi"})


def presence(nick: str, name: str | None = None, **rest: object) -> OccupantPresence:
    return OccupantPresence(f"{JID}/{nick}", True, display_name=name, **rest)  # type: ignore[arg-type]


def test_people_and_phones_are_counted_apart() -> None:
    company = Company(HIDDEN)
    assert company.sees(presence("a", "Alice")) == (Occupant("Alice", Kind.PERSON), False)
    assert company.sees(presence("p", features=JIGASI)) == (Occupant("p", Kind.PHONE), False)
    assert company.count == CompanyChanged(people=1, phones=1)
    assert not company.count.only_phones and not company.count.is_alone
    company.loses("a")
    assert company.count.only_phones
    company.loses("p")
    assert company.count.is_alone and not company.count.only_phones


def test_recorders_and_transcribers_are_nobody() -> None:
    company = Company(HIDDEN)
    transcriber = {"http://jitsi.org/protocol/jigasi", "http://jitsi.org/protocol/transcriber"}
    for number, machine in enumerate(
        (
            presence("m", real_jid="x@recorder.meet.test/1"),
            presence("m", real_jid="x@hidden.meet.test/1"),
            presence("m", real_jid="jigasi@auth.meet.test/1", features=frozenset(transcriber)),
            presence("m", features=frozenset({"http://jitsi.org/protocol/jibri"})),
        )
    ):
        occupant, _ = company.sees(machine)
        assert occupant.kind is Kind.MACHINE, number
        assert company.count.is_alone and company.has("m")
        assert company.loses("m") == occupant


def test_a_phone_that_another_gateway_brings_from_a_service_account_is_a_phone() -> None:
    company = Company(HIDDEN)
    company.sees(presence("p", real_jid="jigasi@auth.meet.test/1", features=JIGASI))
    assert company.count == CompanyChanged(people=0, phones=1)


def test_somebody_with_a_token_is_found_by_its_user_and_is_who_it_says_it_is() -> None:
    company = Company(HIDDEN)
    company.sees(presence("a", "Alice", user="u1"))
    company.sees(presence("b", user="u2"))  # without a name
    assert company.name_of_user("u1") == "Alice"
    assert company.name_of_user("u2") is None and company.name_of_user("u3") is None
    company.loses("a")
    assert company.name_of_user("u1") is None


def test_those_who_have_names_are_named_and_machines_are_nobody() -> None:
    company = Company(HIDDEN)
    company.sees(presence("a", "Alice"))
    company.sees(presence("b"))
    company.sees(presence("p", "+43 1", features=JIGASI))
    company.sees(presence("m", "Recorder", real_jid="x@recorder.meet.test/1"))
    assert company.others == (Somebody("a", "Alice"), Somebody("b", ""), Somebody("p", "+43 1"))


def test_who_looks_like_a_machine_later_is_still_who_it_was() -> None:
    company = Company(HIDDEN)
    company.sees(presence("a", "Alice"))
    company.sees(presence("a", "Bob", features=frozenset({"http://jitsi.org/protocol/jibri"})))
    assert company.count.people == 1 and company.name_of("a") == "Bob"


def test_who_encrypts_is_known_by_name_until_it_stops_or_goes() -> None:
    company = Company()
    company.sees(presence("a", "Alice", encrypts=True))
    company.sees(presence("b", "Bob", encrypts=True))
    assert company.encrypting == ("Alice", "Bob")
    company.sees(presence("b", "Bob"))
    assert company.encrypting == ("Alice",)
    company.loses("a")
    assert company.encrypting == ()


def test_nobody_but_a_hidden_transcriber_is_believed_to_transcribe() -> None:
    company = Company(HIDDEN)
    company.sees(presence("a", transcribes=True))
    assert not company.is_transcribed
    company.sees(presence("t", transcribes=True, real_jid="t@hidden.meet.test/1"))
    assert company.is_transcribed
    company.sees(presence("t", real_jid="t@hidden.meet.test/1"))
    assert not company.is_transcribed
    company.sees(presence("t", transcribes=True, real_jid="t@hidden.meet.test/1"))
    company.loses("t")
    assert not company.is_transcribed


def test_a_flood_is_not_counted_beyond_what_is_kept() -> None:
    company = Company()
    for number in range(MAX_OCCUPANTS + 10):
        company.sees(presence(f"n{number}", encrypts=True))
    assert company.count.people == MAX_OCCUPANTS == len(company.encrypting)
    for number in range(MAX_OCCUPANTS + 10):
        company.loses(f"n{number}")
    assert company.count.is_alone and company.encrypting == ()


@given(
    st.lists(
        st.tuples(
            st.sampled_from("abcd"),
            st.booleans(),
            st.sampled_from([None, "x@hidden.meet.test/1", "x@meet.test/1"]),
            st.sampled_from([frozenset(), JIGASI]),
        ),
        max_size=40,
    )
)
def test_the_count_is_that_of_who_is_there(
    changes: list[tuple[str, bool, str | None, frozenset[str]]],
) -> None:
    company, there = Company(HIDDEN), dict[str, Kind]()
    for nick, comes, jid, features in changes:
        if comes:
            occupant, was_known = company.sees(presence(nick, real_jid=jid, features=features))
            assert was_known is (nick in there)
            there.setdefault(nick, occupant.kind)
        else:
            assert (company.loses(nick) is not None) is (there.pop(nick, None) is not None)
    kinds = list(there.values())
    expected = CompanyChanged(kinds.count(Kind.PERSON), kinds.count(Kind.PHONE))
    assert company.count == expected


def test_browsers_in_real_rooms_are_people() -> None:
    kinds = set()
    for name in NAMES:
        for entry in trace(name):
            if not entry.incoming or entry.stanza.tag != "{jabber:client}presence":
                continue
            seen = parse_presence(entry.stanza)
            if isinstance(seen, OccupantPresence) and seen.available and seen.nick != "focus":
                kinds.add(Company(HIDDEN).sees(seen)[0].kind)
    assert kinds == {Kind.PERSON}
