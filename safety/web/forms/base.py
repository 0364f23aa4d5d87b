"""The form every form is: it reads the request, cleans it, checks it and lists what to do about it."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import Any

from flask import request
from flask_wtf import FlaskForm
from werkzeug.datastructures import MultiDict

POSTS = frozenset({"POST", "PUT", "PATCH", "DELETE"})

# Turning the direction of the text around them, these make words read otherwise than they are stored (Unicode TR 36).
_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def seen_only(text: str) -> str:
    """`text` without what nobody can see or no database keeps: control characters but new lines and tabs, halves of
    surrogate pairs, non-characters, marks of broken encoding and of turned direction. New lines become plain ones.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(sign for sign in text if sign in "\n\t" or not _unseen(sign))


def _unseen(sign: str) -> bool:
    return (
        unicodedata.category(sign) in {"Cc", "Cs", "Zl", "Zp"}
        or sign == "\ufffd"
        or sign in _TURNING
        or (ord(sign) & 0xFFFE) == 0xFFFE
        or 0xFDD0 <= ord(sign) <= 0xFDEF
    )


class Form(FlaskForm):  # type: ignore[misc]
    """A form of the service. In a view:

        form = ThisForm(data=draft)          # what was saved before, for a page that is looked at
        if request.method == "POST" and form.validate(): ...
        return render_template(..., form=form), 400 if form.errors else 200

    In its template: error_summary(form) first, then each field, inside form_for(form).
    """

    def __init__(self, **kwargs: Any) -> None:
        self._unseen: set[str] = set()
        if "formdata" not in kwargs:
            kwargs["formdata"] = self._cleaned() if request.method in POSTS else None
        super().__init__(**kwargs)

    def _cleaned(self) -> MultiDict[str, str]:
        clean: MultiDict[str, str] = MultiDict()
        for name, value in request.form.items(multi=True):
            plain = seen_only(value)
            if plain != value.replace("\r\n", "\n").replace("\r", "\n"):
                self._unseen.add(name)
            clean.add(name, plain)
        return clean

    def validate(self, extra_validators: Any = None) -> bool:
        """Check every field, and what holds for all of them. Returns whether nothing is wrong."""
        good = bool(super().validate(extra_validators))
        for field in self:
            most = getattr(field, "most_answers", 1)
            subject = getattr(field, "subject", None) or field.label.text
            if most and len(field.raw_data or ()) > most:
                field.errors = [f"{subject} was answered more than once. Give one answer"]
                good = False
            elif field.name in self._unseen:
                field.errors = [
                    f"{subject} had characters that cannot be seen. We took them out: check it and send it again"
                ]
                good = False
        return good

    def refuse(self, name: str, message: str) -> None:
        """Say that field `name` is wrong for a reason only the door knows."""
        self[name].errors = [*self[name].errors, message]

    def summary(self) -> list[dict[str, str]]:
        """What is wrong, one line a field in the order of the page, each with a link that puts the cursor where it is."""
        return [
            {"text": str(field.errors[0]), "href": f"#{getattr(field, 'first_input', field.id)}"}
            for field in self._asked()
            if field.errors
        ]

    def _asked(self) -> Iterable[Any]:
        return (field for field in self if field.name != "csrf_token")
