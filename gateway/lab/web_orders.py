"""What the web page's buttons do: a moderator's orders, and troubles (`gateway.lab.troubles`)."""

from gateway.lab.focus_recording import RecordingRefused
from gateway.lab.lab import Lab
from gateway.lab.moderator import Moderator
from gateway.lab.troubles import TROUBLES, trouble
from gateway.lab.venue import NotHere
from gateway.lab.web_messages import BadMessage, Order
from gateway.lab.web_phones import order_phone

BREAKOUT = "Breakout room"


def carry_out(lab: Lab, room: str, order: Order) -> None:
    """Do it in a room (a JID). BadMessage: it makes no sense, or cannot be done now."""
    try:
        if order_phone(lab, room, order):
            return
        if order.name in TROUBLES:
            trouble(lab, order.name, room, order.nick)
        elif order.nick is not None:
            _to_somebody(lab, room, order.name, order.nick)
        else:
            _to_the_room(lab, room, order)
    except KeyError as error:
        raise BadMessage("the room, or who it is about, is not there any more") from error
    except (NotHere, RecordingRefused) as error:
        raise BadMessage(str(error)) from error


def listed_troubles(lab: Lab) -> list[dict[str, object]]:
    """The troubles a page can offer; on a server not the lab's own, none."""
    if not lab.is_at_home:
        return []
    return [
        {"name": name, "words": each.words, "to": each.needs_nick}
        for name, each in TROUBLES.items()
    ]


def _to_somebody(lab: Lab, room: str, name: str, nick: str) -> None:
    moderator = lab.moderator(room)
    match name:
        case "mute":
            lab.mute(room, nick, actor=moderator.actor)
        case "kick":
            lab.kick(room, nick, actor=moderator.actor)
        case "approve":
            moderator.approve(nick)
        case "reject":
            moderator.reject(nick)
        case "admit":
            moderator.admit(nick)
        case "deny":
            moderator.deny(nick)
        case "send-away":
            moderator.send_to_breakout(nick, _breakout_of(moderator))
        case "send-back":
            moderator.send_back(nick)
        case _:
            raise BadMessage(f"there is no order {name[:40]!r} about somebody")


def _to_the_room(lab: Lab, room: str, order: Order) -> None:
    moderator = lab.moderator(room)
    match order:
        case Order("lobby", on=True):
            moderator.open_lobby()
        case Order("lobby", on=False):
            moderator.close_lobby()
        case Order("moderation", on=bool(on)):
            moderator.moderate_audio(on)
        case Order("password", text=str(text)):
            lab.set_password(room, text or None)
        case Order("record", on=True):
            moderator.record()
        case Order("record", on=False):
            moderator.stop_recording()
        case Order("close-breakouts"):
            for breakout in moderator.breakouts:
                moderator.remove_breakout(breakout)
        case Order("end"):
            lab.destroy(room)
        case _:
            raise BadMessage(f"there is no order {order.name[:40]!r} like that")


def _breakout_of(moderator: Moderator) -> str:
    """The room's one breakout room; it is made when it is needed."""
    return next(iter(moderator.breakouts), None) or moderator.add_breakout(BREAKOUT)
