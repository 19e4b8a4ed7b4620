"""What an error of the Redis client means for the store.

Rule of this file: no text of the server is told, only what its error code stands for. A server
may quote the command that it refuses, and so a ticket.
"""

import re
import ssl
from collections.abc import Iterator, Mapping
from typing import Final

from redis import exceptions as redis_errors

from ..errors import StoreCorrupt, StoreError, StoreUnavailable

NOT_OURS: Final = "WSSECNOTOURS"
"""What our scripts answer with when a value cannot be ours."""

NO_PRIMARY: Final = "WSSECNOPRIMARY"
"""What our scripts answer with on a replica, which may lag behind."""

_BY_CLASS: Final = (
    (redis_errors.NoPermissionError, "NOPERM"),
    (redis_errors.AuthenticationError, "WRONGPASS"),  # also NOAUTH
    (redis_errors.ReadOnlyError, "READONLY"),
    (redis_errors.OutOfMemoryError, "OOM"),
    (redis_errors.BusyLoadingError, "LOADING"),
    (redis_errors.MovedError, "MOVED"),  # also ASK
    (redis_errors.TryAgainError, "MOVED"),
    (redis_errors.ClusterDownError, "CLUSTERDOWN"),
    (redis_errors.MasterDownError, "READONLY"),
)

_UNAVAILABLE: Final[Mapping[str, str]] = {
    "WRONGPASS": "wants a user and a password, or other ones; mend WSSEC_STORE, or the server's ACL",
    "NOPERM": "does not permit its user what the store needs; give it the rights that docs/redis.md lists",
    "READONLY": "is no primary at the moment; see whether it is failing over",
    NO_PRIMARY: "is no primary at the moment; see whether it is failing over",
    "MOVED": "has moved to another node of the cluster; try again",
    "CLUSTERDOWN": "is a cluster that is down; see to its nodes",
    "OOM": "is out of memory; raise its maxmemory",
    "MISCONF": "takes no writes, since it cannot save them; see to its disk",
    "NOREPLICAS": "takes no writes, since too few replicas are connected; see to them",
    "LOADING": "is still loading its data; wait",
    "BUSY": "is busy with a script; see who runs it",
}
_ALIASES: Final = (
    ("ACL failure", "NOPERM"),
    ("can't run this command", "NOPERM"),
    ("can't access at least one of the keys", "NOPERM"),
)
_CODE: Final = re.compile(rf"\b({'|'.join(_UNAVAILABLE)}|{NOT_OURS}|WRONGTYPE)\b").search
MOVED_CODES: Final = frozenset({"READONLY", NO_PRIMARY, "MOVED", "CLUSTERDOWN"})


def code_of(error: BaseException) -> str:
    """The error code of the server's answer; empty for one that we do not know, or that is no answer."""
    for kind, code in _BY_CLASS:
        if isinstance(error, kind):
            return code
    text = str(error)[:1024] if isinstance(error, redis_errors.ResponseError) else ""
    if found := _CODE(text):
        return found[1]
    return next((code for words, code in _ALIASES if words in text), "")


def is_answer(error: BaseException) -> bool:
    """Whether the server answered at all, if only to refuse."""
    return isinstance(error, redis_errors.ResponseError)


def store_error(error: BaseException, where: str, within: float) -> StoreError:
    """What to raise instead of an error of the client, which may carry more than may be told.

    Args:
        where: the server's address without its password.
        within: seconds that the call had.
    """
    code = code_of(error)
    if code in _UNAVAILABLE:
        return StoreUnavailable(f"{where} {_UNAVAILABLE[code]}")
    if code:
        fault = "holds a value of another application where one of ours belongs"
        return StoreCorrupt(f"{where} {fault}; remove it, or use another prefix or database")
    if is_answer(error):
        return StoreCorrupt(f"{where} refuses a command; see whether it is Redis 6.2 or later, or Valkey")
    if isinstance(error, (TimeoutError, redis_errors.TimeoutError)):
        return StoreUnavailable(f"{where} did not answer within {within:g} s; see whether it is overloaded or cut off")
    return StoreUnavailable(f"{where} {_unreachable(error)}")


def _unreachable(error: BaseException) -> str:
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return "has a certificate that is not trusted; name its authority by ssl_ca_certs=/path"
        if isinstance(cause, (FileNotFoundError, PermissionError)):
            return "cannot be reached, since a file that its URL names cannot be read; see to the ssl_ options"
    return "cannot be reached; see whether it runs, and whether host and port are right"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
