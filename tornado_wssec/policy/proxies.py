"""Whose forwarding headers count, and who the client is.

Rules of this file:
1. A header counts only when the peer, who really is at the other end of the socket, is a proxy of ours.
2. X-Forwarded-For is read from the right, where our own proxies wrote; nothing left of the first stranger is looked at.
3. Doubt gives the stricter answer: the peer's address, and not https.

Source: RFC 7239 §8.1, and the right-most untrusted hop of OWASP's advice on X-Forwarded-For.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_interface
from typing import Final

from .hosts import is_ipv4, read_entries

Address = IPv4Address | IPv6Address

_ENCRYPTED: Final = ("https", "wss")  # the second is what Traefik says of a WebSocket
# No zones, and no masks: 255.0.0.0 and 0.255.255.255 would mean the same.
_NETWORK: Final = re.compile(r"[0-9A-Fa-f:.]+(?:/[0-9]{1,3})?").fullmatch


@dataclass(frozen=True, slots=True)
class Client:
    """Who connects.

    Args:
        address: canonical IP address; whatever the peer is called where it has none (a Unix socket).
        is_https: whether its connection is encrypted, at our door or at a trusted proxy's.
    """

    address: str
    is_https: bool


class ProxyPolicy:
    """The networks whose forwarding headers count; without any, no header does.

    Raises:
        ConfigurationError: listing every entry that is no network (CIDR), with the remedy.
    """

    def __init__(self, networks: Iterable[str]) -> None:
        self._networks = tuple(read_entries("trusted_proxies (WSSEC_TRUSTED_PROXIES)", networks, _read_network))

    def client(self, peer: str, forwarded_for: Sequence[str], forwarded_proto: Sequence[str], is_tls: bool) -> Client:
        """Say who connects.

        Args:
            peer: the address at the other end of the socket.
            forwarded_for: the values of all X-Forwarded-For headers, in order.
            forwarded_proto: those of X-Forwarded-Proto; where a trusted peer sends several, all must be
                encrypted ones.
            is_tls: whether our own socket is encrypted.
        """
        if not self._networks and is_ipv4(peer):
            return Client(peer, is_tls)
        address = _read_address(peer.partition("%")[0])  # only the socket's own end may name a zone
        if address is None or not self._trusts(address):
            return Client(peer if address is None else str(address), is_tls)
        client = self._first_stranger(_items(forwarded_for), address)
        protocols = [protocol.lower() for protocol in _items(forwarded_proto)]
        is_https = all([protocol in _ENCRYPTED for protocol in protocols]) if protocols else is_tls
        return Client(str(client), is_https)

    def trusts(self, address: str) -> bool:
        """Whether this address is that of a proxy of ours."""
        if not self._networks:
            return False
        read = _read_address(address)
        return read is not None and self._trusts(read)

    def _first_stranger(self, hops: list[str], peer: Address) -> Address:
        """The right-most hop that is no proxy of ours; the left-most when all are; `peer` when one is no address."""
        client = peer
        for hop in reversed(hops):
            address = _read_address(hop)
            if address is None:
                return peer
            client = address
            if not self._trusts(address):
                break
        return client

    def _trusts(self, address: Address) -> bool:
        return any([address in network for network in self._networks])


def quota_key(address: str) -> str:
    """Return what limits are counted by: an IPv4 address itself, the /64 of an IPv6 address, which is one customer."""
    if is_ipv4(address):
        return address
    read = _read_address(address)
    if read is None:
        return address
    return str(IPv6Network((int(read) >> 64 << 64, 64))) if isinstance(read, IPv6Address) else str(read)


def _items(lines: Sequence[str]) -> list[str]:
    """The elements of a list header; several lines are one list (RFC 9110 §5.3)."""
    return [item.strip(" \t") for line in lines for item in line.split(",")]


def _read_address(text: str) -> Address | None:
    """The address; None unless it is spelt as addresses are. An IPv4 address in IPv6 clothes is the IPv4 address."""
    try:
        address = ip_address("" if "%" in text else text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _read_network(entry: str) -> IPv4Network | IPv6Network:
    """The network of a configured entry; ValueError of "the fault; the remedy"."""
    try:
        interface = ip_interface(entry if _NETWORK(entry) else "")
    except ValueError:
        raise ValueError("is no network; write it as 10.0.0.0/8, 192.0.2.7 or 2001:db8::/32") from None
    network = interface.network
    if network.prefixlen == 0:
        raise ValueError("trusts the whole world, so that anybody could choose his address; name the proxies")
    if isinstance(network, IPv6Network) and network.network_address.ipv4_mapped:
        raise ValueError("is an IPv4 network in IPv6 clothes; write it as IPv4")
    if interface.ip != network.network_address:
        raise ValueError(f"has bits set behind its prefix; write {network}, or the address alone")
    return network
