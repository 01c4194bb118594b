"""The catalogue: everything callers can be told. What it is in words is in `texts/`."""

from enum import StrEnum


class Prompt(StrEnum):
    """A sentence, or one with something spoken in the middle: a name, a key, digits."""

    # Coming in.
    GREETING = "greeting"
    CHOOSE_LANGUAGE = "choose-language"  # {key}
    ENTER_PIN = "enter-pin"
    NOTHING_ENTERED = "nothing-entered"
    PIN_WRONG = "pin-wrong"
    TRY_AGAIN = "try-again"
    TOO_MANY_TRIES = "too-many-tries"
    TOO_EARLY = "too-early"
    TOO_LATE = "too-late"
    PIN_EXPIRED = "pin-expired"
    JOINING = "joining"  # {name}
    JOINING_MEETING = "joining-meeting"
    WELCOME_BACK = "welcome-back"
    ONE_MOMENT = "one-moment"
    WAIT_FOR_HOST = "wait-for-host"
    LOBBY = "lobby"
    ADMITTED = "admitted"
    DENIED = "denied"
    ENTER_PASSWORD = "enter-password"
    PASSWORD_WRONG = "password-wrong"
    SAY_NAME = "say-name"
    THANK_YOU = "thank-you"
    NOT_REACHABLE = "not-reachable"
    MEETING_FULL = "meeting-full"
    # One's own voice and hand.
    MUTED = "muted"
    UNMUTED = "unmuted"
    MUTED_BY_MODERATOR = "muted-by-moderator"
    MAY_SPEAK = "may-speak"
    MAY_NOT_UNMUTE = "may-not-unmute"
    HAND_RAISED = "hand-raised"
    HAND_LOWERED = "hand-lowered"
    HAND_LOWERED_BY_MODERATOR = "hand-lowered-by-moderator"
    NOT_HEARD = "not-heard"
    # Company.
    ALONE = "alone"
    SOMEBODY_JOINED = "somebody-joined"
    SOMEBODY_LEFT = "somebody-left"
    NAME_JOINED = "name-joined"  # {name}
    NAME_LEFT = "name-left"  # {name}
    SOMEBODY_WAITS = "somebody-waits"
    NAME_WAITS = "name-waits"  # {name}
    NOBODY_WAITS = "nobody-waits"
    # The meeting.
    RECORDING_STARTED = "recording-started"
    RECORDING_STOPPED = "recording-stopped"
    RECORDING_FAILED = "recording-failed"
    NO_RECORDER = "no-recorder"
    STREAMING_STARTED = "streaming-started"
    STREAMING_STOPPED = "streaming-stopped"
    TRANSCRIPTION_STARTED = "transcription-started"
    TRANSCRIPTION_STOPPED = "transcription-stopped"
    MEETING_LOCKED = "meeting-locked"
    MEETING_UNLOCKED = "meeting-unlocked"
    PASSWORD_IS = "password-is"  # {digits}
    MEETING_ENDED = "meeting-ended"
    REMOVED = "removed"
    TIME_IS_UP = "time-is-up"
    BREAKOUT_ROOM = "breakout-room"
    BREAKOUT_ROOM_NAMED = "breakout-room-named"  # {name}
    MAIN_ROOM = "main-room"
    CONNECTION_LOST = "connection-lost"
    CONNECTION_BACK = "connection-back"
    # Answers to keys.
    NOT_ALLOWED = "not-allowed"
    NOT_POSSIBLE = "not-possible"
    OTHERS_MUTED = "others-muted"
    ALL_ADMITTED = "all-admitted"
    CONFIRM_END = "confirm-end"  # {key}
    HELP_MUTE = "help-mute"  # {key}, as the following
    HELP_HAND = "help-hand"
    HELP_COUNT = "help-count"
    HELP_HELP = "help-help"
    HELP_LEAVE = "help-leave"
    HELP_LOCK = "help-lock"
    HELP_MUTE_ALL = "help-mute-all"
    HELP_ADMIT = "help-admit"
    HELP_RECORD = "help-record"
    HELP_END = "help-end"
    GOODBYE = "goodbye"
    # Being called.
    INVITED = "invited"  # {name}
    INVITED_UNNAMED = "invited-unnamed"
    PRESS_TO_JOIN = "press-to-join"  # {key}
    PRESS_TO_DECLINE = "press-to-decline"  # {key}
    # Names of keys, as they are said after "press".
    STAR = "star"
    POUND = "pound"


class Counted(StrEnum):
    """A sentence with a number, in which grammar follows the number: each is recorded whole."""

    PARTICIPANTS = "participants"
    SEVERAL_JOINED = "several-joined"
    SEVERAL_LEFT = "several-left"
    WAITING = "waiting"
    ENDS_IN_MINUTES = "ends-in-minutes"

    @property
    def numbers(self) -> tuple[int, ...]:
        """Those there are sentences for; others are rounded down to one of these."""
        return _NUMBERS[self]

    @property
    def overs(self) -> tuple[int, ...]:
        """Those above which the sentence is "more than", where there is one."""
        return _OVERS.get(self, ())


_NUMBERS = {
    Counted.PARTICIPANTS: tuple(range(2, 31)),
    Counted.SEVERAL_JOINED: tuple(range(2, 11)),
    Counted.SEVERAL_LEFT: tuple(range(2, 11)),
    Counted.WAITING: tuple(range(2, 11)),
    Counted.ENDS_IN_MINUTES: (1, 2, 3, 4, 5, 10, 15, 20, 30, 45),
}
_OVERS = {
    Counted.PARTICIPANTS: (30, 50, 100),
    Counted.SEVERAL_JOINED: (10,),
    Counted.SEVERAL_LEFT: (10,),
    Counted.WAITING: (10,),
}
