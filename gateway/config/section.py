"""What every section of the configuration is."""

import unicodedata
from types import UnionType
from typing import Annotated, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator


class Section(BaseModel):
    """A table of the TOML file: unknown keys are refused, and nothing changes once it is read."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, arbitrary_types_allowed=True, allow_inf_nan=False
    )

    @field_validator("*", mode="before")
    @classmethod
    def _check_what_no_key_can_be(cls, value: object, info: ValidationInfo) -> object:
        type_ = cls.model_fields[str(info.field_name)].annotation
        if isinstance(value, bool) and _is_number(type_):
            raise ValueError(f"{str(value).lower()} is no number; write one")
        for text in value if isinstance(value, list) else [value]:
            if isinstance(text, str):
                _check_text(text)
        return value


def _is_number(type_: object) -> bool:
    """Whether a key that has such values may have a number, besides nothing."""
    is_made_of_others = get_origin(type_) in (Annotated, Union, UnionType)
    return type_ in (int, float) or (is_made_of_others and any(map(_is_number, get_args(type_))))


def _check_text(text: str) -> None:
    """There may be a secret in it, which is not to be told."""
    for character in text:
        if unicodedata.category(character) == "Cc":
            raise ValueError(f"has a character that cannot be seen ({character!r}); leave it out")
    if text.isspace():
        raise ValueError("is blank; write something, or leave it out")
