"""Which addresses lie in the open network: for whatever is fetched because somebody else asked for it.

Sources: IANA special-purpose address registries (IPv4 and IPv6), RFC 6890, read 2026-11-20.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
_SPECIAL_4 = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24",
        "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
    )
)  # fmt: skip
_GLOBAL_6 = IPv6Network("2000::/3")
_SPECIAL_6 = tuple(
    IPv6Network(text) for text in ("2001::/23", "2001:db8::/32", "2620:4f:8000::/48", "3fff::/20", "5f00::/16")
)
_NAT64 = IPv6Network("64:ff9b::/96")


def is_public(address: Address | str) -> bool:
    """Whether it is an ordinary address of the internet, in whatever form it is written or wrapped."""
    found = ip_address(address) if isinstance(address, str) else address
    if isinstance(found, IPv4Address):
        return not any(found in network for network in _SPECIAL_4)
    wrapped = _wrapped(found)
    if wrapped is not None:
        return is_public(wrapped)
    return found in _GLOBAL_6 and not any(found in network for network in _SPECIAL_6)


def _wrapped(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that an IPv6 one stands for: mapped, translated (NAT64), or tunnelled (6to4)."""
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.sixtofour


def read_allowed(text: str) -> tuple[frozenset[str], tuple[Network, ...]]:
    """A comma list of host names and networks: the names in lower case, and the networks. Raises ValueError."""
    names: set[str] = set()
    networks: list[Network] = []
    for item in (part.strip().lower() for part in text.split(",")):
        if not item:
            continue
        if item[0].isdigit() or ":" in item:
            networks.append(ip_network(item, strict=False))
        else:
            names.add(item)
    return frozenset(names), tuple(networks)


def is_allowed(host: str, addresses: Iterable[str], names: frozenset[str], networks: Iterable[Network]) -> bool:
    """Whether a host may be called: all its addresses are public, or the operator has allowed it."""
    if host.lower() in names:
        return True
    found = [ip_address(address) for address in addresses]
    kept = tuple(networks)
    return bool(found) and all(
        is_public(one) or any(one.version == net.version and one in net for net in kept) for one in found
    )


INNER_SUFFIXES = (".local", ".internal", ".lan", ".corp", ".svc", ".localhost", ".home.arpa", ".intranet", ".private")


def is_inner_name(host: str) -> bool:
    """Whether a name belongs to a network of one's own: one word, or an ending that the internet does not have."""
    lower = host.lower().rstrip(".")
    return "." not in lower or lower.endswith(INNER_SUFFIXES)
