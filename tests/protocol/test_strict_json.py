"""The strict parser: what two readers could understand differently is refused."""

import pytest

from adcp_sales.protocol.errors import AdcpError
from adcp_sales.protocol.strict_json import DEPTH_LIMIT, parse_object


def test_a_plain_object_is_read_as_it_is() -> None:
    raw = '{"a": [1, 2.5, "Zürich 😀", null, true], "b": {"c": 9007199254740991}}'.encode()

    assert parse_object(raw) == {
        "a": [1, 2.5, "Zürich 😀", None, True],
        "b": {"c": 9007199254740991},
    }


def test_an_escaped_surrogate_pair_is_one_character() -> None:
    assert parse_object(rb'{"a": "\ud83d\ude00"}') == {"a": "😀"}


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "The body is not valid JSON."),
        (b"{", "The body is not valid JSON."),
        (b'{"a": 1,}', "The body is not valid JSON."),
        (b"[]", "The body must be a JSON object."),
        (b'"text"', "The body must be a JSON object."),
        (b"null", "The body must be a JSON object."),
        (b'{"a": 1, "a": 1}', "The body repeats a key within one object."),
        (b'{"b": [{"a": 1, "a": 2}]}', "The body repeats a key within one object."),
        (b'{"a": NaN}', "NaN is not a JSON number."),
        (b'{"a": -Infinity}', "-Infinity is not a JSON number."),
        (b'{"a": 1e400}', "The body contains a number that is out of range."),
        (b'{"a": 9007199254740992}', "The body contains a number that is out of range."),
        (b'{"a": ' + b"9" * 5000 + b"}", "The body contains a number that is out of range."),
        (b'{"a": "\xff"}', "The body is not valid UTF-8."),
        (
            rb'{"a": "\u0000"}',
            "The body contains text with a NUL character or half a surrogate pair.",
        ),
        (
            rb'{"\ud800": 1}',
            "The body contains text with a NUL character or half a surrogate pair.",
        ),
        (b'{"a":' * 70 + b"1" + b"}" * 70, "The body nests deeper than 64 levels."),
        (b'{"a":' + b"[" * 200_000, "The body nests deeper than 64 levels."),
    ],
)
def test_what_is_refused(raw: bytes, message: str) -> None:
    with pytest.raises(AdcpError) as refusal:
        parse_object(raw)

    assert (refusal.value.code, refusal.value.message) == ("INVALID_REQUEST", message)
    assert refusal.value.http_status == 400


def test_the_depth_limit_itself_is_allowed() -> None:
    nested = b'{"a":' * DEPTH_LIMIT + b"1" + b"}" * DEPTH_LIMIT

    with pytest.raises(AdcpError):
        parse_object(nested)
    assert parse_object(nested[5:-1])
