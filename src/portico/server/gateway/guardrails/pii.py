"""Personal data and credentials in a text: a pattern finds a candidate, a checksum or a rule of the number confirms it.

Every pattern is bounded, so that a stream can be checked with a window as long as the longest match.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address

from portico.wire.guardrails import PiiKind

_DNI_LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"
_IBAN_LENGTHS = {
    "AD": 24, "AE": 23, "AT": 20, "BE": 16, "BG": 22, "BR": 29, "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22,
    "DK": 18, "DO": 28, "EE": 20, "ES": 24, "FI": 18, "FR": 27, "GB": 22, "GI": 23, "GR": 27, "GT": 28, "HR": 21,
    "HU": 28, "IE": 22, "IL": 23, "IS": 26, "IT": 27, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "MC": 27, "MT": 31,
    "NL": 18, "NO": 15, "PL": 28, "PT": 25, "RO": 24, "SA": 24, "SE": 24, "SI": 19, "SK": 24, "SM": 27, "TR": 26,
}  # fmt: skip


def _digits(text: str) -> list[int]:
    return [int(c) for c in text if c.isdecimal()]


def _luhn(text: str) -> bool:
    digits = _digits(text)
    if not 13 <= len(digits) <= 19 or len(set(digits)) == 1:
        return False
    doubled = [sum(divmod(2 * d, 10)) if place % 2 else d for place, d in enumerate(reversed(digits))]
    return sum(doubled) % 10 == 0


def _iban(text: str) -> bool:
    plain = text.replace(" ", "").replace("-", "").upper()
    if _IBAN_LENGTHS.get(plain[:2]) != len(plain):
        return False
    moved = plain[4:] + plain[:4]
    return int("".join(str(int(c, 36)) for c in moved)) % 97 == 1


def _ssn(text: str) -> bool:
    area, group, serial = re.split(r"[- ]", text)
    return area not in ("000", "666") and area < "900" and group != "00" and serial != "0000"


def _dni(text: str) -> bool:
    plain = re.sub(r"[ .\-]", "", text).upper()
    number = plain[:-1].translate(str.maketrans("XYZ", "012"))
    return len(number) == 8 and _DNI_LETTERS[int(number) % 23] == plain[-1]


def _mod11(digits: list[int], weights: list[int]) -> int:
    rest = sum(d * w for d, w in zip(digits, weights, strict=False)) % 11
    return 0 if rest < 2 else 11 - rest


def _cpf(text: str) -> bool:
    digits = _digits(text)
    if len(digits) != 11 or len(set(digits)) == 1:
        return False
    first, second = list(range(10, 1, -1)), list(range(11, 1, -1))
    return _mod11(digits[:9], first) == digits[9] and _mod11(digits[:10], second) == digits[10]


def _cnpj(text: str) -> bool:
    digits = _digits(text)
    if len(digits) != 14 or len(set(digits)) == 1:
        return False
    weights = [6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2]
    return _mod11(digits[:12], weights[1:]) == digits[12] and _mod11(digits[:13], weights) == digits[13]


def _cuit(text: str) -> bool:
    digits = _digits(text)
    check = 11 - sum(d * w for d, w in zip(digits[:10], [5, 4, 3, 2, 7, 6, 5, 4, 3, 2], strict=True)) % 11
    return digits[:2] in ([2, 0], [2, 3], [2, 4], [2, 7], [3, 0], [3, 3], [3, 4]) and check % 11 == digits[10]


def _rut(text: str) -> bool:
    plain = re.sub(r"[.\-]", "", text).upper()
    total = sum(int(d) * (2 + place % 6) for place, d in enumerate(reversed(plain[:-1])))
    return "0K987654321"[total % 11] == plain[-1]


def _phone(text: str) -> bool:
    return 8 <= len(_digits(text)) <= 15


def _ip(text: str) -> bool:
    try:
        IPv6Address(text) if ":" in text else IPv4Address(text)
    except AddressValueError:
        return False
    return True


def _any(text: str) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Kind:
    """How one kind is found. `reach`: no match is longer, and what decides it lies within so many characters."""

    pattern: re.Pattern[str]
    confirm: Callable[[str], bool]
    reach: int
    mask: str


def _kind(mask: str, pattern: str, confirm: Callable[[str], bool], reach: int) -> Kind:
    return Kind(re.compile(pattern), confirm, reach, mask)


KINDS: Mapping[PiiKind, Kind] = {
    "private_key": _kind("[PRIVATE KEY]", r"-----BEGIN (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----", _any, 80),
    "access_key": _kind(
        "[ACCESS KEY]",
        r"(?<![A-Za-z0-9_-])(?:(?:AKIA|ASIA)[A-Z0-9]{16}|gh[pousr]_[A-Za-z0-9]{36,60}|github_pat_[A-Za-z0-9_]{40,90}"
        r"|sk-(?:ant-|proj-|or-)?[A-Za-z0-9_-]{24,180}|xox[abprs]-[A-Za-z0-9-]{16,80}|AIza[A-Za-z0-9_-]{35}"
        r"|glpat-[A-Za-z0-9_-]{20,40}|geai_[A-Za-z0-9_-]{40,80}|hf_[A-Za-z0-9]{30,50})(?![A-Za-z0-9_-])",
        _any,
        200,
    ),
    "email": _kind(
        "[EMAIL]",
        r"(?<![A-Za-z0-9._%+-])[A-Za-z0-9_%+-][A-Za-z0-9._%+-]{0,63}@(?:[A-Za-z0-9-]{1,40}\.){1,4}[A-Za-z]{2,18}"
        r"(?![A-Za-z0-9-])",
        _any,
        260,
    ),
    "iban": _kind("[IBAN]", r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]){11,27}(?![A-Za-z0-9])", _iban, 64),
    "credit_card": _kind("[CREDIT CARD]", r"(?<![\d-])[2-6]\d{3}(?:[ -]?\d){9,15}(?![\d-])", _luhn, 40),
    "br_cnpj": _kind("[CNPJ]", r"(?<!\d)\d{2}\.?\d{3}\.?\d{3}/?\d{4}-?\d{2}(?!\d)", _cnpj, 20),
    "br_cpf": _kind("[CPF]", r"(?<!\d)\d{3}\.?\d{3}\.?\d{3}-?\d{2}(?!\d)", _cpf, 16),
    "ar_cuit": _kind("[CUIT]", r"(?<!\d)\d{2}-?\d{8}-?\d(?!\d)", _cuit, 15),
    "us_ssn": _kind("[SSN]", r"(?<![\d-])\d{3}([- ])\d{2}\1\d{4}(?![\d-])", _ssn, 13),
    "es_dni": _kind(
        "[DNI]",
        r"(?<![A-Za-z0-9])(?:\d{2}\.?\d{3}\.?\d{3}|[XYZxyz][ -]?\d{7})[ -]?[A-HJ-NP-TV-Za-hj-np-tv-z](?![A-Za-z0-9])",
        _dni,
        16,
    ),
    "cl_rut": _kind("[RUT]", r"(?<![\d.])\d{1,2}(?:\.\d{3}\.\d{3}|\d{6})-[\dkK](?![A-Za-z0-9])", _rut, 15),
    "ip_address": _kind(
        "[IP]",
        r"(?<![\w.:])(?:\d{1,3}(?:\.\d{1,3}){3}(?![\w]|\.\d)|(?:[0-9A-Fa-f]{1,4}:){1,7}(?::?[0-9A-Fa-f]{1,4}){1,7}(?![\w:]))",
        _ip,
        64,
    ),
    "phone": _kind(
        "[PHONE]",
        r"(?<![\w+.,/-])(?:\+\d{1,3}[ .-]?(?:\(\d{1,5}\)[ .-]?)?\d{1,5}(?:[ .-]?\d{2,5}){1,4}"
        r"|\(\d{2,5}\)[ .-]?\d{3,5}[ .-]?\d{3,5}|\d{3}[ .-]\d{3}[ .-]\d{4}|\d{2} \d{4,5}-\d{4})(?![\w/]|[.,-]\d)",
        _phone,
        48,
    ),
}  # fmt: skip
"""In the order of their say, where two begin at the same place: the more certain first."""


def search(kind: PiiKind, text: str, start: int = 0) -> tuple[int, int] | None:
    """Where the first of a kind stands that begins at `start` or behind it."""
    rule = KINDS[kind]
    while (found := rule.pattern.search(text, start)) is not None:
        if rule.confirm(found.group()):
            return found.span()
        start = found.start() + 1
    return None
