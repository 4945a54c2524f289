"""Bearer tokens of an OpenID Connect provider: signature, issuer, audience and time checked, the role from a claim.

    token -> key of its kid in the provider's key set -> checked claims -> Caller

PyJWT checks; keys are fetched when first needed, kept for five minutes and fetched again for a key not seen before (at
most every half minute). Only signatures by a private key are taken: neither `none` nor a shared secret. A provider that
cannot be reached is 503, since that says nothing about the token. Must not know any resource.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

import httpx
import jwt
import structlog

from service.problems import Problem, plain_problem
from service.security import Caller, Role, unauthorised
from service.settings import OidcSettings

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
_SECONDS, _KEEP_SECONDS, _LEEWAY_SECONDS = 5.0, 300.0, 30
# The first of these that a token carries is the caller's role.
_ORDER = (Role.ADMIN, Role.EXPERT, Role.EVALUATOR, Role.CONSUMER)


class OidcProvider:
    """Checks tokens of one provider; may be used from several threads."""

    def __init__(self, settings: OidcSettings) -> None:
        self._settings, self._lock = settings, threading.Lock()
        self._keys: jwt.PyJWKClient | None = None

    def caller(self, token: str) -> tuple[Caller, float]:
        """Who the token is of, and until when it is valid (seconds since 1970).

        Raises Problem 401 for a token that does not hold, 403 without a role, 503 when the provider does not answer.
        """
        claims = self._claims(token)
        name = claims.get(self._settings.name_claim)
        if not isinstance(name, str) or not name.strip():
            claim = self._settings.name_claim
            dutch = f"De toegangscode noemt niemand: het veld {claim} ontbreekt."
            raise unauthorised(f"The token names nobody: it has no claim {claim}.", dutch)
        return Caller(name, self._role(claims)), float(claims["exp"])

    def _claims(self, token: str) -> Mapping[str, Any]:
        asked = self._settings
        try:
            key = self._key(_key_name(token))
            claims: Mapping[str, Any] = jwt.decode(
                token,
                key,
                algorithms=list(ALGORITHMS),
                issuer=asked.issuer,
                audience=asked.audience,
                leeway=_LEEWAY_SECONDS,
                options={"require": ["exp", "iss", "aud"]},
            )
        except jwt.PyJWTError as error:
            dutch = "Deze toegangscode geldt niet of niet meer; meld u opnieuw aan."
            raise unauthorised(f"This bearer token is not valid: {_reason(error)}.", dutch) from error
        return claims

    def _key(self, name: str) -> jwt.PyJWK:
        """A key of the provider; raises PyJWKClientError when it has none of this name."""
        try:
            return self._key_client().get_signing_key(name)
        except (jwt.PyJWKClientConnectionError, jwt.PyJWKSetError, httpx.HTTPError, ValueError) as error:
            structlog.get_logger("instroom.security").warning("no keys of the provider", error=str(error))
            raise plain_problem(503, "The provider of identities does not answer as it should.") from error

    def _key_client(self) -> jwt.PyJWKClient:
        with self._lock:
            if self._keys is None:
                address = self._settings.keys_url or self._discovered()
                self._keys = jwt.PyJWKClient(address, lifespan=_KEEP_SECONDS, timeout=_SECONDS)
            return self._keys

    def _discovered(self) -> str:
        """The address of the key set by the provider's own description (OpenID Connect Discovery 1.0, 4)."""
        address = f"{self._settings.issuer.rstrip('/')}/.well-known/openid-configuration"
        answer = httpx.get(address, timeout=_SECONDS).raise_for_status().json()
        if answer.get("issuer") != self._settings.issuer or not isinstance(answer.get("jwks_uri"), str):
            raise ValueError(f"{address} does not describe {self._settings.issuer}")
        return str(answer["jwks_uri"])

    def _role(self, claims: Mapping[str, Any]) -> Role:
        """The role in a claim, which may lie within others: "realm_access.roles"."""
        found: Any = claims
        for step in self._settings.role_claim.split("."):
            found = found.get(step) if isinstance(found, Mapping) else None
        carried = {found} if isinstance(found, str) else set(found) if _strings(found) else set()
        for role in _ORDER:
            if role.value in carried:
                return role
        detail = f"The token carries none of the roles {', '.join(Role)} in {self._settings.role_claim}."
        dutch = f"De toegangscode noemt geen van de rollen {', '.join(Role)}."
        raise Problem(403, "Forbidden", detail, dutch=dutch)


def _key_name(token: str) -> str:
    """The name of the key that signed a token, unchecked; raises PyJWTError for what cannot be the provider's."""
    header = jwt.get_unverified_header(token)
    if header.get("alg") not in ALGORITHMS:
        raise jwt.InvalidAlgorithmError("not a signature by a private key")
    if not isinstance(header.get("kid"), str):
        raise jwt.PyJWKClientError("no key is named")
    return str(header["kid"])


def _strings(found: Any) -> bool:
    return isinstance(found, list) and all(isinstance(one, str) for one in found)


def _reason(error: jwt.PyJWTError) -> str:
    """Why, without a word of the token itself."""
    reasons: tuple[tuple[type[jwt.PyJWTError], str], ...] = (
        (jwt.ExpiredSignatureError, "it has expired"),
        (jwt.ImmatureSignatureError, "it is not valid yet"),
        (jwt.InvalidIssuerError, "it is of another issuer"),
        (jwt.InvalidAudienceError, "it is for another audience"),
        (jwt.InvalidAlgorithmError, "it is signed in a way that is not taken"),
        (jwt.InvalidSignatureError, "its signature does not hold"),
        (jwt.MissingRequiredClaimError, "it lacks exp, iss or aud"),
        (jwt.PyJWKClientError, "its key is not the provider's"),
    )
    return next((said for kind, said in reasons if isinstance(error, kind)), "it cannot be read")
