"""The numbers in the forms that Jitsi's web client understands."""

from gateway.ivr.phone_numbers import PhoneNumber, as_list, by_country

VIENNA = PhoneNumber("AT", "+43 1 5550100")
FREE = PhoneNumber("AT", "+43 800 5550100", toll_free=True)
BERLIN = PhoneNumber("DE", "+49 30 5550100", default=True)


def test_the_form_of_today_is_an_array() -> None:
    assert as_list((VIENNA, FREE, BERLIN)) == [
        {"countryCode": "AT", "tollFree": False, "formattedNumber": "+43 1 5550100"},
        {"countryCode": "AT", "tollFree": True, "formattedNumber": "+43 800 5550100"},
        {
            "countryCode": "DE",
            "tollFree": False,
            "formattedNumber": "+49 30 5550100",
            "default": True,
        },
    ]


def test_the_older_form_has_the_default_first() -> None:
    told = by_country((VIENNA, FREE, BERLIN))
    assert list(told["numbers"].items()) == [  # type: ignore[attr-defined]
        ("DE", ["+49 30 5550100"]),
        ("AT", ["+43 1 5550100", "+43 800 5550100"]),
    ]
    assert told["numbersEnabled"] is True
    assert by_country(())["numbersEnabled"] is False
