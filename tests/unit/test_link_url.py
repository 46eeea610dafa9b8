from __future__ import annotations

import pytest

from tournee.link.adapters import transport
from tournee.link.errors import BadUrl
from tournee.link.url import parse


@pytest.mark.parametrize(
    ("text", "scheme", "target"),
    [
        ("serial:/dev/ttyACM0", "serial", "/dev/ttyACM0"),
        ("serial:COM3", "serial", "COM3"),
        ("tcp:127.0.0.1:9811", "tcp", "127.0.0.1:9811"),
        ("tcp://box", "tcp", "box"),
        ("ble:Tournee-0001", "ble", "Tournee-0001"),
        ("ble:AA:BB:CC:DD:EE:FF", "ble", "AA:BB:CC:DD:EE:FF"),
        ("pcsc:", "pcsc", ""),
        ("pcsc:Gemalto%20PC%20Twin", "pcsc", "Gemalto PC Twin"),
    ],
)
def test_good_urls(text: str, scheme: str, target: str) -> None:
    url = parse(text)
    assert (url.scheme, url.target, str(url)) == (scheme, target, text)


def test_options_are_kept_whole() -> None:
    url = parse("ble:Tournee-0001?hci=tcp:127.0.0.1:9811")
    assert url.target == "Tournee-0001"
    assert dict(url.options) == {"hci": "tcp:127.0.0.1:9811"}


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [("tcp:box", "box", 9750), ("tcp:box:1", "box", 1), ("tcp:[::1]:80", "::1", 80), ("tcp:[::1]", "::1", 9750)],
)
def test_host_and_port(text: str, host: str, port: int) -> None:
    assert parse(text).host_port() == (host, port)


@pytest.mark.parametrize(
    "text",
    ["", "box", "usb:1", "serial:", "ble:", "tcp:", "tcp::9750", "tcp:box:0", "tcp:box:99999", "tcp:box:x", "tcp:::1"],
)
def test_a_bad_url_says_what_a_good_one_looks_like(text: str) -> None:
    with pytest.raises(BadUrl) as caught:
        parse(text)
    assert caught.value.remedy
    assert caught.value.exit_code == 2


def test_pcsc_is_no_link() -> None:
    with pytest.raises(BadUrl):
        transport("pcsc:X")
