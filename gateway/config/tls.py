"""The section about certificates of the SIP side."""

from pathlib import Path
from typing import Self

from pydantic import model_validator

from gateway.config.section import Section
from gateway.config.values import Domain, file_problem
from gateway.sip.tls import ClientCertificates, TlsConfig


class SipTlsSection(Section):
    """`[sip.tls]`: our certificate, and whose certificates are believed."""

    certificate: Path
    key: Path
    ca_file: Path | None = None
    client_certificates: ClientCertificates = "off"
    verify: bool = True
    name: Domain | None = None

    @model_validator(mode="after")
    def _check_files(self) -> Self:
        files = {"certificate": self.certificate, "key": self.key, "ca_file": self.ca_file}
        missing = [
            f"{key}: {problem}"
            for key, file in files.items()
            if (problem := file_problem(file)) is not None
        ]
        if missing:
            raise ValueError("\n".join(missing))
        return self

    @property
    def for_sip(self) -> TlsConfig:
        """For `gateway.sip`."""
        return TlsConfig(
            self.certificate,
            self.key,
            self.ca_file,
            self.client_certificates,
            self.verify,
            self.name,
        )
