"""A number as its keys come: `#` ends it, `*` starts it over. No time.

What is typed may be a PIN: nothing here is logged or shown.
"""

MAX_LENGTH = 64


class TypedNumber:
    """Keys as they come."""

    def __init__(self) -> None:
        self.digits = ""

    def pressed(self, key: str) -> str | None:
        """The number that this key ends, if it does: perhaps an empty one."""
        if key == "#":
            number, self.digits = self.digits, ""
            return number
        self.digits = "" if key == "*" else (self.digits + key)[:MAX_LENGTH]
        return None
