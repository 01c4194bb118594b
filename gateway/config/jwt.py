"""`[jitsi.jwt]`: how the gateway makes the tokens it logs in with."""

from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr, model_validator

from gateway.conference.token import TokenIssuer
from gateway.config.section import Section
from gateway.config.values import Seconds, file_problem
from gateway.errors import ConfigError


class JwtSection(Section):
    """What Prosody's `token` authentication expects of us."""

    app_id: str = Field(min_length=1)
    secret: SecretStr | None = None
    key_file: Path | None = None
    kid: str | None = None
    audience: str = "jitsi"
    subject: str | None = None
    lifetime: Seconds = 300.0
    tolerance: Seconds = 60.0
    features: dict[str, bool] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.secret is None) == (self.key_file is None):
            raise ValueError("secret: give a shared secret (HS256), or key_file (RS256) instead")
        if self.secret is not None and not self.secret.get_secret_value():
            raise ValueError("secret: is empty")
        if (problem := file_problem(self.key_file)) is not None:
            raise ValueError(f"key_file: {problem}")
        return self

    def issuer(self, domain: str) -> TokenIssuer:
        """For `gateway.conference`; ConfigError if the private key cannot be used."""
        private_key = None
        if self.key_file is not None:
            try:
                private_key = self.key_file.read_text(encoding="ascii")
            except (OSError, UnicodeDecodeError) as error:
                raise ConfigError([f"jitsi.jwt.key_file: {self.key_file}: {error}"]) from None
        return TokenIssuer(
            app_id=self.app_id,
            secret=self.secret.get_secret_value() if self.secret is not None else None,
            private_key=private_key,
            kid=self.kid,
            audience=self.audience,
            subject=self.subject or domain,
            features=self.features,
            lifetime=self.lifetime,
            tolerance=self.tolerance,
        )
