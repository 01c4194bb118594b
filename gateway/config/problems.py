"""What is wrong with a configuration, told to people: a line a problem, its key first."""

import difflib
import re
from types import UnionType
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError


def problems_of(error: ValidationError, model: type[BaseModel]) -> list[str]:
    """Every finding of a validation of `model`, as lines for people."""
    details = error.errors()
    places = [detail["loc"] for detail in details]
    return [
        line
        for detail in details
        # A list whose only element is wrong is called too short as well.
        if detail["type"] != "too_short"
        or not any(place != detail["loc"] and _inside(place, detail["loc"]) for place in places)
        for line in _problem(detail, model)
    ]


def _inside(place: tuple[int | str, ...], outer: tuple[int | str, ...]) -> bool:
    return place[: len(outer)] == outer


def _problem(detail: Any, model: type[BaseModel]) -> list[str]:
    """One of pydantic's findings as `key: what is wrong`, several if a check found several."""
    key = ".".join(str(part) for part in detail["loc"])
    match detail["type"]:
        case "missing":
            return [f"{key}: is missing{_example(key)}"]
        case "extra_forbidden":
            return [f"{key}: no such key{_suggestion(detail['loc'], model)}"]
        case "value_error":
            prefix = f"{key}." if key else ""
            text = str(detail["ctx"]["error"])
            own_key = re.match(r"[a-z_.0-9]+: ", text)
            return [prefix + line for line in text.splitlines()] if own_key else [f"{key}: {text}"]
    table = ".".join(part for part in detail["loc"] if isinstance(part, str))
    are_several = detail["type"] == "tuple_type" and _is_section(detail["loc"], model)
    if _has_tables(detail["input"]) or are_several:  # not printed: there may be a password in them
        if detail["type"] == "model_type":
            return [f"{key}: there is only one; write [{table}]"]
        return [f"{key}: there may be several; write [[{table}]]"]
    if detail["type"] == "model_type":
        is_one_of_several = isinstance(detail["loc"][-1], int)
        return [
            f"{key}: is a table; write " + (f"[[{table}]]" if is_one_of_several else f"[{table}]")
        ]
    if detail["type"] in ("tuple_type", "frozen_set_type"):
        elements = [each.strip() for each in str(detail["input"]).split(",")]
        return [f"{key}: is a list; write {elements}"]
    message = detail["msg"][0].lower() + detail["msg"][1:]
    if is_secret(key):
        return [f"{key}: {message}; put it in quotes"]
    return [f"{key}: {message}, not {detail['input']!r}"]


def is_secret(key: str) -> bool:
    """Whether the value of a key is nothing to be read in a log."""
    return _SECRET.search(key) is not None


def _has_tables(value: object) -> bool:
    return isinstance(value, dict) or (
        isinstance(value, list) and any(isinstance(each, dict) for each in value)
    )


_SECRET = re.compile(r"(^|\.)(password|secret|token|lookup_token|pin)$")


_EXAMPLES = {
    "jitsi": '[jitsi]\n    domain = "meet.example.org"',
    "jitsi.domain": 'domain = "meet.example.org"',
    "trunk": '[[trunk]]\n    name = "provider"\n    from = ["192.0.2.0/24"]',
}


def _example(key: str) -> str:
    return f"; write e.g.\n    {_EXAMPLES[key]}" if key in _EXAMPLES else ""


def _suggestion(location: tuple[str | int, ...], model: type[BaseModel]) -> str:
    """The keys there are beside an unknown one, the most similar first."""
    section = _type_at(location[:-1], model)
    known = [field.alias or name for name, field in section.model_fields.items()]
    similar = difflib.get_close_matches(str(location[-1]), known, n=1)
    if similar:
        return f"; did you mean {similar[0]!r}?"
    return f"; there are {', '.join(sorted(known))}"


def _is_section(location: tuple[str | int, ...], model: type[BaseModel]) -> bool:
    type_ = _type_at(location, model)
    return isinstance(type_, type) and issubclass(type_, BaseModel)


def _type_at(location: tuple[str | int, ...], model: type[BaseModel]) -> Any:
    section: Any = model
    for part in location:
        if isinstance(part, str):
            section = _section_type(section, part)
    return section


def _section_type(section: Any, name: str) -> Any:
    """The section within `section`: one, a list of them, or one that may be left out."""
    fields = {field.alias or key: field for key, field in section.model_fields.items()}
    annotation = fields[name].annotation
    is_one_of = get_origin(annotation) in (tuple, UnionType)
    return get_args(annotation)[0] if is_one_of else annotation
