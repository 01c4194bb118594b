"""A file of the operator's in TOML."""

import tomllib
from pathlib import Path
from typing import Any

from gateway.errors import ConfigError


def read_toml(file: Path) -> dict[str, Any]:
    """What it says; ConfigError if it cannot be read, or is no TOML."""
    try:
        return tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ConfigError([f"{file}: {error.strerror}"]) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError([f"{file}: {error}"]) from error
