"""The phones a room has called, on the web page: what its buttons do, and what is shown."""

from gateway.lab.lab import Lab
from gateway.lab.phones_out import PhoneOut, PhonesOut
from gateway.lab.web_messages import BadMessage, Order
from gateway.xmpp.jingle_dtmf import CODES

_SHOWN = 5  # phones, the last ones
_MOST_KEYS = 32


def order_phone(lab: Lab, room: str, order: Order) -> bool:
    """Call a number, or hang up or press keys for one that was called; False: no such order.

    BadMessage: nobody of the lab's own is there to do it, or there is no such phone.
    """
    match order:
        case Order("dial", text=str(number)):
            _moderator(lab, room).dial(number)
        case Order("hang-up", text=str(id_)):
            by, phone = _called(lab, room, id_)
            by.hang_up(phone)
        case Order("press", nick=str(id_), text=str(keys)):
            if not keys or len(keys) > _MOST_KEYS or not set(keys) <= set(CODES):
                raise BadMessage("keys are 0 to 9, *, #, A to D")
            by, phone = _called(lab, room, id_)
            by.press(phone, keys)
        case _:
            return False
    return True


def phones_of(lab: Lab, room: str) -> list[dict[str, object]]:
    """The phones that were called last, the newest last."""
    called = [(by, phone) for by in lab.phones_out(room).values() for phone in by.all]
    return [
        {
            "id": phone.id,
            "number": phone.number,
            "reference": phone.reference,
            "status": phone.status,
            "active": phone.reference is not None and not phone.over,
            "keys": not phone.over and by.has_dial_pad(phone),
        }
        for by, phone in called[-_SHOWN:]
    ]


def _moderator(lab: Lab, room: str) -> PhonesOut:
    own = lab.phones_out(room)
    moderators = (o.nick for o in lab.occupants(room) if o.role == "moderator" and o.nick in own)
    nick = next(moderators, None) or next(iter(own), None)
    if nick is None:
        raise BadMessage("nobody is in the room who could call: join it")
    return own[nick]


def _called(lab: Lab, room: str, id_: str) -> tuple[PhonesOut, PhoneOut]:
    for by in lab.phones_out(room).values():
        for phone in by.all:
            if phone.id == id_:
                return by, phone
    raise BadMessage("that phone is not there any more")
