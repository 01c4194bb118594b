"""A caller in the menu: no room, no bridge; spoken to without end, and typing meanwhile."""

from collections.abc import Callable

from gateway.bench.call import Stage, phone_media
from gateway.bench.pacing import Pacing
from gateway.bench.phone import LoadPhone
from gateway.ivr.language import Language
from gateway.ivr.phrasebook import Phrasebook
from gateway.ivr.prompt import Prompt
from gateway.media import messages as m

_SAID = (
    Prompt.GREETING,
    Prompt.ENTER_PIN,
    Prompt.NOTHING_ENTERED,
    Prompt.PIN_WRONG,
    Prompt.TRY_AGAIN,
)
_LANGUAGES = tuple(Language)


class LoadMenuCall:
    """Call `name`, number `number`, of a phone that is asked for its PIN.

    As signalling does it: a key ends what is said, and when that is over the next prompt begins.
    """

    def __init__(
        self,
        name: str,
        number: int,
        phone: LoadPhone,
        *,
        codec: str,
        tones: bool,
        execute: Callable[[m.Command], None],
        pacing: Pacing,
    ) -> None:
        self.name = name
        self.phone = phone
        self.stage = Stage.OPENING
        self.failure: str | None = None
        self.pressed = 0
        """Keys that the engine has told of."""
        self.said = 0
        """Utterances that are over."""
        self._codec = codec
        self._tones = tones
        self._execute = execute
        self._pacing = pacing
        self._book = Phrasebook.of(_LANGUAGES[number % len(_LANGUAGES)])
        execute(m.OpenPhone(name))

    def receive(self, event: m.Event) -> None:
        """Go on after an event of the engine."""
        match event:
            case m.PhoneOpened():
                media = phone_media(self.phone, event.address, self._codec, tones=self._tones)
                self._execute(m.ConnectPhone(self.name, media))
                self.phone.connect(event.address, self._pacing)
                self.stage = Stage.CONNECTED
                self._say()
            case m.DigitReceived():
                self.pressed += 1
                self._execute(m.Hush(self.name))
            case m.Played():
                self.said += 1
                self._say()
            case m.Failed():
                self.failure = f"{self.name}: {event.reason}"
            case _:
                pass

    @property
    def to_bridge(self) -> int:
        """RTP packets at a bridge: there is none."""
        return 0

    @property
    def sent(self) -> int:
        """RTP packets that the phone has sent."""
        return self.phone.sent

    def close(self) -> None:
        """Give its sockets back."""
        self.phone.close()

    def _say(self) -> None:
        prompt = _SAID[self.said % len(_SAID)]
        self._execute(m.Say(self.name, self.said, self._book.say(prompt)))
