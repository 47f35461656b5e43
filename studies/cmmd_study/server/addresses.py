"""Media addresses: another one for every rater and every showing, and worth nothing without that rater's cookie.

    /m/<presentation id>.<HMAC-SHA256 of rater and presentation under the study's secret>
    /m/preflight.<HMAC of rater and the word>

The number of beeps in the preflight clip follows from the rater, so that neighbours cannot tell each other.
"""

import hashlib
import hmac

PREFLIGHT = "preflight"
BEEPS = (2, 3, 4)
_HEX = 32


def media_name(secret: str, rater: str, shown: str) -> str:
    """The last part of an address; shown: a presentation, or PREFLIGHT."""
    return f"{shown}.{_mac(secret, rater, shown)}"


def is_genuine(secret: str, rater: str, name: str) -> bool:
    """Whether `name` was made for this rater."""
    shown, _, mac = name.rpartition(".")
    return hmac.compare_digest(mac.encode(), _mac(secret, rater, shown).encode())


def cookie_name(rater: str) -> str:
    """Of the cookie that lets this rater's browser fetch media; says nothing about the rater's id."""
    return "seat-" + hashlib.sha256(f"cookie/{rater}".encode()).hexdigest()[:12]


def beeps(secret: str, rater: str) -> int:
    """How often the preflight clip beeps for this rater."""
    return BEEPS[int(_mac(secret, rater, "beeps"), 16) % len(BEEPS)]


def _mac(secret: str, rater: str, shown: str) -> str:
    return hmac.new(bytes.fromhex(secret), f"{rater}/{shown}".encode(), hashlib.sha256).hexdigest()[:_HEX]
