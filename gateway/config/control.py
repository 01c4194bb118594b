"""The section about HTTP for operators."""

from gateway.config.section import Section
from gateway.config.values import HostPort, Token
from gateway.control.http import ControlConfig


class ControlSection(Section):
    """`[control]`: where HTTP is, and what has to be known to change anything."""

    listen: HostPort = ("127.0.0.1", 8788)
    token: Token | None = None
    enable_shutdown: bool = True

    @property
    def http(self) -> ControlConfig | None:
        """For `gateway.control`; None without HTTP."""
        if self.listen is None:
            return None
        token = self.token.get_secret_value() if self.token is not None else None
        return ControlConfig(self.listen, token, self.enable_shutdown)
