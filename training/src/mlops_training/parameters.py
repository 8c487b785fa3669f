"""Command lines of steps, described as data: parsed with all problems told at once, and published in steps.json."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["string", "integer", "number", "json"]
Values = dict[str, Any]


@dataclass(frozen=True)
class Parameter:
    """An option `--name VALUE` of a step. An empty value counts as not given, because templates pass those."""

    name: str
    """In kebab case."""
    help: str
    kind: Kind = "string"
    default: object | None = None
    """As the parsed value; None: the parameter is required unless it is optional."""
    optional: bool = False
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    is_output: bool = False
    """The value is a path, under the I/O root, that the step writes."""

    @property
    def key(self) -> str:
        """Name among the parsed values."""
        return self.name.replace("-", "_")

    def parse(self, text: str) -> object:
        """The value of `text`. Raises ValueError with what is wrong with it."""
        value: Any = text
        if self.kind == "integer":
            value = _number(text, int, "a whole number")
        elif self.kind == "number":
            value = _number(text, float, "a number")
        elif self.kind == "json":
            try:
                value = json.loads(text)
            except ValueError as error:
                raise ValueError(f"must be JSON ({error})") from None
        if self.choices and value not in self.choices:
            raise ValueError(f"must be one of {', '.join(self.choices)}")
        if self.minimum is not None and not value >= self.minimum:
            raise ValueError(f"must be at least {self.minimum:g}")
        if self.maximum is not None and not value <= self.maximum:
            raise ValueError(f"must be at most {self.maximum:g}")
        return value


def output(name: str, text: str) -> Parameter:
    """An optional `--output-NAME PATH`: where, under the I/O root, the step writes that output."""
    return Parameter(f"output-{name}", text, optional=True, is_output=True)


@dataclass(frozen=True)
class Command:
    """A step and its parameters."""

    name: str
    """Module and, if it has several, action: `search plan`."""
    summary: str
    parameters: tuple[Parameter, ...] = field(default=())

    def parse(self, arguments: Sequence[str]) -> tuple[Values, list[str]]:
        """Values by key, and everything that is wrong with `arguments`. Values hold with no problems only."""
        known = {parameter.name: parameter for parameter in self.parameters}
        texts, problems = _split(arguments, known)
        values: Values = {}
        for name, parameter in known.items():
            text = texts.get(name, "")
            if text == "":
                values[parameter.key] = parameter.default
                if parameter.default is None and not parameter.optional:
                    problems.append(f"--{name}: missing ({parameter.help})")
                continue
            try:
                values[parameter.key] = parameter.parse(text)
            except ValueError as error:
                problems.append(f"--{name} {text}: {error}")
        return values, problems

    def usage(self) -> str:
        """Text of --help."""
        lines = [f"Usage: python -m mlops_training.{self.name} [--NAME VALUE ...]", "", self.summary, ""]
        for parameter in self.parameters:
            default = "" if parameter.default in (None, "") else f" [default: {_text(parameter.default)}]"
            choices = f" ({', '.join(parameter.choices)})" if parameter.choices else ""
            required = "" if parameter.optional or parameter.default is not None else " [required]"
            lines.append(f"  --{parameter.name:<24} {parameter.help}{choices}{default}{required}")
        return "\n".join(lines)

    def describe(self) -> dict[str, object]:
        """What steps.json says about it."""
        return {
            "name": self.name,
            "summary": self.summary,
            "parameters": [_describe(parameter) for parameter in self.parameters if not parameter.is_output],
            "outputs": [
                {"name": parameter.name.removeprefix("output-"), "help": parameter.help}
                for parameter in self.parameters
                if parameter.is_output
            ],
        }


def _split(arguments: Sequence[str], known: dict[str, Parameter]) -> tuple[dict[str, str], list[str]]:
    texts: dict[str, str] = {}
    problems: list[str] = []
    rest = list(arguments)
    while rest:
        argument = rest.pop(0)
        name, equals, text = argument.removeprefix("--").partition("=")
        if not argument.startswith("--") or name == "":
            problems.append(f"{argument}: unexpected, parameters are --NAME VALUE")
            continue
        if not equals:
            if not rest:
                problems.append(f"--{name}: has no value")
                continue
            text = rest.pop(0)
        if name not in known:
            problems.append(
                f"--{name}: unknown parameter; there are {', '.join(f'--{each}' for each in known)}"
            )
        elif name in texts:
            problems.append(f"--{name}: given twice")
        texts[name] = text
    return texts, problems


def _number(text: str, convert: type[int] | type[float], wanted: str) -> int | float:
    try:
        value = convert(text)
    except ValueError:
        raise ValueError(f"must be {wanted}") from None
    if value - value != 0:
        raise ValueError(f"must be {wanted}, not infinite or NaN")
    return value


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _describe(parameter: Parameter) -> dict[str, object]:
    entry: dict[str, object] = {"name": parameter.name, "kind": parameter.kind, "help": parameter.help}
    if parameter.default is not None:
        entry["default"] = parameter.default
    if parameter.optional:
        entry["optional"] = True
    if parameter.choices:
        entry["choices"] = list(parameter.choices)
    for bound in ("minimum", "maximum"):
        if (limit := getattr(parameter, bound)) is not None:
            entry[bound] = limit
    return entry
