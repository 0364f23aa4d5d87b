"""Sealed columns: AES-256-GCM bound to table, column and row, and keyed indexes that find a phone number without reading it.

The rule kept: a sealed value copied to another row or column, altered, or opened with the wrong key is refused, never shown.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import os
from typing import Any, Generic, Self, TypeVar, cast, overload

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from flask import current_app

T = TypeVar("T")


class SealBroken(Exception):
    """A sealed value was moved, altered, or sealed with a key this process does not hold."""


class Ring:
    """The keys of this installation.

    `keys` maps a short key id to 32 bytes; the first is used to seal, all are used to open, so a key is rotated by putting
    a new one in front. `index_key` (32 bytes) makes the blind indexes and is never used to seal.
    """

    def __init__(self, keys: dict[str, bytes], index_key: bytes) -> None:
        if not keys:
            raise ValueError("at least one field key is needed")
        self._keys = {name: AESGCM(key) for name, key in keys.items()}
        self._current = next(iter(keys))
        self._index_key = index_key

    def seal(self, words: str, place: str) -> str:
        """Seal `words` for `place` ("table.column.row"). Returns text: version, key id, nonce and ciphertext."""
        nonce = os.urandom(12)
        sealed = self._keys[self._current].encrypt(nonce, words.encode(), place.encode())
        return f"v1.{self._current}.{base64.urlsafe_b64encode(nonce + sealed).decode()}"

    def open(self, sealed: str, place: str) -> str:
        """The words sealed for exactly this place.

        Raises SealBroken when it was sealed for another place, altered, or by an unknown key.
        """
        try:
            _version, key, body = sealed.split(".")
            raw = base64.urlsafe_b64decode(body)
            return self._keys[key].decrypt(raw[:12], raw[12:], place.encode()).decode()
        except (ValueError, KeyError, InvalidTag, binascii.Error) as problem:
            # The problem's own words are dropped on purpose: they could quote what was sealed.
            raise SealBroken(f"a sealed value of {place.rsplit('.', 1)[0]} could not be opened") from problem

    def index(self, kind: str, words: str) -> str:
        """A keyed fingerprint (32 hex digits) of `words`, so that equality can be asked of the database and nothing else."""
        return hmac.new(self._index_key, f"{kind}\0{words}".encode(), hashlib.sha256).hexdigest()[:32]


def ring() -> Ring:
    """The key ring of the running app."""
    return cast(Ring, current_app.extensions["ring"])


class Sealed(Generic[T]):
    """A model attribute `x` whose value lives encrypted in the text column `x_sealed`.

    Anything JSON can carry may be kept. The row's id is part of the seal, so the id must be known first: see extensions.Row.
    """

    def __set_name__(self, owner: type, name: str) -> None:
        self.column = f"{name}_sealed"
        self.name = name

    def _place(self, row: Any) -> str:
        return f"{row.__tablename__}.{self.name}.{row.id.hex}"

    @overload
    def __get__(self, row: None, owner: type) -> Self: ...
    @overload
    def __get__(self, row: object, owner: type) -> T: ...
    def __get__(self, row: Any, owner: type) -> Any:
        if row is None:
            return self
        sealed = getattr(row, self.column)
        return None if sealed is None else json.loads(ring().open(sealed, self._place(row)))

    def __set__(self, row: Any, value: T) -> None:
        setattr(row, self.column, None if value is None else ring().seal(json.dumps(value), self._place(row)))
