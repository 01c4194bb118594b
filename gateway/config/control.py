"""The section about HTTP for operators."""

from typing import Self

from pydantic import SecretStr, model_validator

from gateway.config.section import Section
from gateway.config.values import HostPort
from gateway.control.http import ControlConfig

SHORTEST_TOKEN = 16  # characters


class ControlSection(Section):
    """`[control]`: where HTTP is, and what has to be known to change anything."""

    listen: HostPort = ("127.0.0.1", 8788)
    token: SecretStr | None = None
    enable_shutdown: bool = True

    @model_validator(mode="after")
    def _check_token(self) -> Self:
        if self.token is not None and len(self.token.get_secret_value()) < SHORTEST_TOKEN:
            raise ValueError(f"token: make it {SHORTEST_TOKEN} characters or more, by chance")
        return self

    @property
    def http(self) -> ControlConfig | None:
        """For `gateway.control`; None without HTTP."""
        if self.listen is None:
            return None
        token = self.token.get_secret_value() if self.token is not None else None
        return ControlConfig(self.listen, token, self.enable_shutdown)
