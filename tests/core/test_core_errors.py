"""The tree of exceptions, its drawing and its messages."""

from __future__ import annotations

import inspect
import re

import pytest

from entregent import errors
from entregent.cli.main import EXIT_CODES
from entregent.errors import EntregentError, InputError

CLASSES = {
    name: cls
    for name, cls in vars(errors).items()
    if inspect.isclass(cls) and issubclass(cls, EntregentError)
}


def test_the_tree_in_the_docstring_is_the_tree_of_the_code() -> None:
    drawn: dict[str, str | None] = {}
    path: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        found = re.match(r"^ {4}(?P<lead>[│├└─ ]*)(?P<name>[A-Z][A-Za-z]+)", line)
        if not found:
            continue
        depth = len(found["lead"]) // 4
        del path[depth:]
        drawn[found["name"]] = path[-1] if path else None
        path.append(found["name"])
    assert drawn == {
        name: None if cls is EntregentError else cls.__bases__[0].__name__ for name, cls in CLASSES.items()
    }


@pytest.mark.parametrize("cls", CLASSES.values(), ids=CLASSES.keys())
def test_every_error_ends_with_a_documented_exit_code(cls: type[EntregentError]) -> None:
    assert cls.exit_code in EXIT_CODES
    assert cls.exit_code not in (0, 2)


def test_a_message_says_where_what_valid_values_and_what_to_do() -> None:
    error = InputError("lang is 'de'.", where="entregent.toml", valid=["fr", "en"], do="Choose one.")
    assert str(error) == "entregent.toml: lang is 'de'. Valid: fr, en. Choose one."
    assert (error.what, error.where, error.valid) == ("lang is 'de'.", "entregent.toml", ("fr", "en"))


def test_a_message_without_extras_is_the_message() -> None:
    assert str(EntregentError("It failed.")) == "It failed."


def test_no_valid_value_is_said_too() -> None:
    assert str(EntregentError("It failed.", valid=[])) == "It failed. Valid: ."
