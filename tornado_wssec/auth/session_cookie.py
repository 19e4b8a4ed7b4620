"""A login whose record is in the store; its cookie holds nothing but the name of it and a secret (R017)."""

from ..policy.assertions import Assertion
from ..policy.identity import Identity
from ..policy.logins import Login
from .base import LoginDesk
from .cookie import DEFAULT_NAME, CookieAuthenticator, SameSite


class SessionCookie(CookieAuthenticator):
    """Accept the cookie that `guard.sign_in` has set; every handshake looks its login up in the store.

    Args:
        name: of the cookie.
        max_age: seconds that a login lasts at most, and where nothing shorter is asked for; None: as long as a
            token may live.
        same_site: `Strict`, or `Lax` where pages are rendered for whoever followed a link from elsewhere.
        allow_unprefixed: accept a name without `__Host-`, which a neighbouring host can set, too.

    Raises:
        ValueError: the name lacks the prefix, or something else cannot be; says the remedy.
    """

    name = "session_cookie"

    def __init__(
        self,
        name: str = DEFAULT_NAME,
        *,
        max_age: float | None = None,
        same_site: SameSite = "Strict",
        allow_unprefixed: bool = False,
    ) -> None:
        super().__init__(name, max_age, same_site, allow_unprefixed=allow_unprefixed)

    async def begin(self, login: Login, logins: LoginDesk) -> str:
        """Remember the login; the cookie's value."""
        return await logins.keep(login)

    async def end(self, identity: Identity, logins: LoginDesk) -> None:
        """Forget the login."""
        if identity.session_id is not None:
            await logins.drop(identity.session_id)

    async def _read(self, value: str, logins: LoginDesk) -> tuple[Assertion, float]:
        login = await logins.find(value)
        return login.assertion, login.issued_at
