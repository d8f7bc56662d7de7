"""Which addresses lie in the open network, in every form in which a private one can be written or wrapped."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from portico.server.kit.addresses import is_allowed, is_public, read_allowed

PRIVATE = (
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.127.255.255", "127.0.0.1", "127.255.255.254",
    "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.0.170", "192.0.2.1", "192.31.196.1",
    "192.52.193.1", "192.88.99.1", "192.168.0.1", "192.175.48.1", "198.18.0.1", "198.19.255.255", "198.51.100.1",
    "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
)  # fmt: skip
PUBLIC = (
    "1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.1",
    "172.15.255.255", "172.32.0.0", "192.0.1.0", "192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0",
    "223.255.255.255",
)  # fmt: skip


def wrapped(text: str) -> list[str]:
    """The IPv6 forms that stand for an IPv4 address: mapped, translated (NAT64), tunnelled (6to4)."""
    number = int(ip_address(text))
    high, low = number >> 16, number & 0xFFFF
    return [f"::ffff:{text}", f"::ffff:{high:x}:{low:x}", f"64:ff9b::{high:x}:{low:x}", f"2002:{high:x}:{low:x}::1"]


@pytest.mark.parametrize("text", PRIVATE)
def test_special_use_is_not_public_in_any_form(text: str) -> None:
    assert not is_public(text)
    assert not any(is_public(form) for form in wrapped(text))


@pytest.mark.parametrize("text", PUBLIC)
def test_ordinary_addresses_are_public_in_every_form(text: str) -> None:
    assert is_public(text)
    assert all(is_public(form) for form in wrapped(text))


@pytest.mark.parametrize(
    "text",
    [
        "::", "::1", "::7f00:1", "::127.0.0.1", "::ffff:0:7f00:1", "64:ff9b:1::1", "64:ff9b:1:a00::1", "100::1",
        "100:0:0:1::1", "2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:1::1", "2001:2::1", "2001:10::1",
        "2001:20::1", "2001:30::1", "2001:db8::1", "2620:4f:8000::1", "3fff::1", "5f00::1", "fc00::1", "fd12:3456::1",
        "fe80::1", "febf::1", "fec0::1", "ff02::1", "ff05::1:3", "4000::1", "e000::1",
    ],
)  # fmt: skip
def test_special_use_of_ipv6_is_not_public(text: str) -> None:
    assert not is_public(text)


@pytest.mark.parametrize("text", ["2606:4700:4700::1111", "2a00:1450:4001::1", "2001:4860:4860::8888", "2400::1"])
def test_ordinary_addresses_of_ipv6_are_public(text: str) -> None:
    assert is_public(text)


# what the operator allows -----------------------------------------------------------------------------------------


def test_a_list_of_hosts_and_networks_is_read() -> None:
    names, networks = read_allowed(" Files.LAN, 10.1.0.0/16,, 127.0.0.1 ,fd00::/8")
    assert names == {"files.lan"}
    assert [str(network) for network in networks] == ["10.1.0.0/16", "127.0.0.1/32", "fd00::/8"]
    assert read_allowed("") == (frozenset(), ())


@pytest.mark.parametrize("text", ["10.1.0.0/33", "300.1.1.1", "fd00::/200", "10.1"])
def test_a_network_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        read_allowed(text)


@pytest.mark.parametrize(
    ("host", "addresses", "allowed"),
    [
        ("a.example", ["8.8.8.8"], True),
        ("a.example", ["8.8.8.8", "10.0.0.1"], False),
        ("a.example", ["10.1.2.3"], True),
        ("a.example", ["10.1.2.3", "10.2.2.3"], False),
        ("a.example", ["::ffff:10.1.2.3"], False),
        ("files.lan", ["10.9.9.9"], True),
        ("FILES.lan", ["10.9.9.9"], True),
        ("files.lan.", ["10.9.9.9"], False),
        ("x.files.lan", ["10.9.9.9"], False),
        ("a.example", [], False),
    ],
)
def test_a_host_is_allowed_when_all_of_its_addresses_are(host: str, addresses: list[str], allowed: bool) -> None:
    assert is_allowed(host, addresses, *read_allowed("files.lan,10.1.0.0/16")) is allowed
