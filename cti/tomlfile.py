"""TOML files written by operators: read once, every problem told with file, line, key and what to write instead."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from cti.domain.errors import ConfigError

Location = tuple[str | int, ...]
ModelT = TypeVar("ModelT", bound=BaseModel)
# A configuration larger than this is a mistake (a thousand agents take about 200 KB).
MAX_BYTES = 8 * 1024 * 1024

_HEADER = re.compile(r"^\s*(\[\[|\[)\s*([^\]]+?)\s*\]{1,2}\s*(?:#.*)?$")
_KEY = re.compile(r"""^\s*((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*'))*)\s*=""")
_TRIPLE = re.compile(r'"""|\'\'\'')


class TomlFile:
    """A parsed file that still knows on which line each key stands."""

    def __init__(self, name: str, text: str) -> None:
        """Parse ``text``; ``name`` is used in messages. Raises ConfigError when it is not TOML."""
        self.name = name
        try:
            self.data: dict[str, Any] = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise ConfigError([f"{name}: not valid TOML: {error}"]) from error
        self._lines = _index(text)

    @classmethod
    def read(cls, path: Path) -> TomlFile:
        """Read and parse a file. Raises ConfigError when it is missing, too large, not UTF-8 or not TOML."""
        try:
            raw = path.read_bytes()
        except OSError as error:
            raise ConfigError([f"{path}: cannot be read: {error.strerror}"]) from error
        if len(raw) > MAX_BYTES:
            raise ConfigError([f"{path}: {len(raw)} bytes; a configuration has at most {MAX_BYTES}"])
        try:
            text = raw.decode("utf-8")
        except UnicodeDecodeError as error:
            line = raw[: error.start].count(b"\n") + 1
            raise ConfigError([f"{path}:{line}: not UTF-8; save the file as UTF-8"]) from error
        return cls(str(path), text)

    def where(self, location: Location) -> str:
        """``file:line`` of the key, or of the nearest table above it."""
        for length in range(len(location), 0, -1):
            line = self._lines.get(location[:length])
            if line is not None:
                return f"{self.name}:{line}"
        return self.name

    def problem(self, location: Location, sentence: str) -> str:
        """One complaint in the form every complaint has."""
        return f"{self.where(location)}: {dotted(location)}: {sentence}"

    def validate(self, model: type[ModelT]) -> ModelT:
        """Check the whole file against ``model``. Raises ConfigError with every problem found."""
        try:
            return model.model_validate(self.data)
        except ValidationError as error:
            raise ConfigError([self._explain(model, one) for one in error.errors()]) from error

    def _explain(self, model: type[BaseModel], error: Any) -> str:
        location: Location = tuple(part for part in error["loc"] if part not in ("[key]",))
        names, hint = _expected(model, location)
        if error["type"] == "extra_forbidden":
            close = difflib.get_close_matches(str(location[-1]), names, n=1)
            advice = f"did you mean {close[0]!r}?" if close else f"known keys here: {', '.join(sorted(names))}"
            return self.problem(location, f"unknown key; {advice}")
        if error["type"] == "missing":
            return self.problem(location, f"is missing; write {hint or 'a value for it'}")
        message = str(error["msg"]).removeprefix("Value error, ")
        message = message[:1].lower() + message[1:]
        return self.problem(location, f"{message}; write {hint}" if hint else message)


def dotted(location: Location) -> str:
    """``("queues", 1, "ring_s")`` as people write it: ``queues[1].ring_s``."""
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def closest(word: str, known: Mapping[str, object] | set[str]) -> str:
    """Advice for a name that refers to nothing."""
    close = difflib.get_close_matches(word, list(known), n=1)
    if close:
        return f"did you mean {close[0]!r}?"
    return f"known: {', '.join(sorted(known))}" if known else "none is declared"


def _expected(model: type[BaseModel], location: Location) -> tuple[list[str], str]:
    """The keys allowed where ``location`` points, and the description of the key itself."""
    here: Any = model
    names: list[str] = []
    hint = ""
    for part in location:
        found = model_in(here)
        if found is None or isinstance(part, int):
            continue
        names = list(found.model_fields)
        field = found.model_fields.get(part)
        if field is None:
            # A key of a mapping (tenants.demo): the model stays, the name is the operator's own.
            continue
        hint = field.description or ""
        here = field.annotation
    return names, hint


def model_in(annotation: Any) -> type[BaseModel] | None:
    """The model inside an annotation such as ``list[Queue]`` or ``dict[str, Tenant] | None``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in get_args(annotation):
        found = model_in(argument)
        if found is not None:
            return found
    return None


def _index(text: str) -> dict[Location, int]:
    """Line number of each table header and key. Inline tables count as their first line."""
    lines: dict[Location, int] = {}
    counts: dict[Location, int] = {}
    table: Location = ()
    inside_string = False
    for number, line in enumerate(text.splitlines(), 1):
        quotes = len(_TRIPLE.findall(line))
        if inside_string:
            inside_string = quotes % 2 == 0
            continue
        header = _HEADER.match(line)
        if header:
            table = _open_table(_parts(header[2]), header[1] == "[[", counts)
            lines.setdefault(table, number)
        elif key := _KEY.match(line):
            lines.setdefault((*table, *_parts(key[1])), number)
        inside_string = quotes % 2 == 1
    return lines


def _open_table(names: list[str], is_array: bool, counts: dict[Location, int]) -> Location:
    """The location of a header, with the indexes of the arrays it stands in."""
    location: Location = ()
    for position, name in enumerate(names):
        location = (*location, name)
        last = position == len(names) - 1
        if last and is_array:
            counts[location] = counts.get(location, -1) + 1
        if location in counts:
            location = (*location, counts[location])
    return location


def _parts(dotted_key: str) -> list[str]:
    return [part.strip().strip("\"'") for part in re.findall(r"""[^."']+|"[^"]*"|'[^']*'""", dotted_key)]
