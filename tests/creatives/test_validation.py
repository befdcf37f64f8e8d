"""What makes a creative fit its format, checked against every format of the demo publisher."""

from typing import Any

import pytest

from adcp_sales.demo.formats import FORMATS, NATIVE_CAROUSEL, DemoFormat
from mediabuys.creative_validation import content_digest, creative_from_item
from mediabuys.errors import TradeError
from mediabuys.models import CreativeFormat
from tests.people import AGENT_URL

IMAGE = {"asset_type": "image", "url": "https://a.example/1.jpg", "width": 600, "height": 600}
LINK = {"asset_type": "url", "url": "https://a.example/"}
CARD = {"asset_type": "card", "media": IMAGE, "headline": "One", "landing_page_url": LINK}


def fitting(wanted: DemoFormat) -> dict[str, Any]:
    """Return assets for every required slot."""
    return {
        slot.get("asset_group_id") or slot["asset_id"]: (
            [CARD] * slot["min_count"] if "asset_group_id" in slot else asset(slot["asset_type"])
        )
        for slot in wanted.assets
        if slot["required"]
    }


def asset(asset_type: str) -> dict[str, Any]:
    return {"asset_type": asset_type, "url": "https://a.example/1", "content": "Words"}


def check(wanted: DemoFormat, assets: dict[str, Any]) -> None:
    row = CreativeFormat(format_id=wanted.format_id, assets=list(wanted.assets))
    creative_from_item(
        {
            "creative_id": "one",
            "name": "One",
            "format_id": {"agent_url": AGENT_URL, "id": wanted.format_id},
            "assets": assets,
        },
        path="creatives[7]",
        formats={row.format_id: row},
        agent_url=AGENT_URL,
    )


def fault(wanted: DemoFormat, assets: dict[str, Any]) -> tuple[str, str | None]:
    with pytest.raises(TradeError) as refusal:
        check(wanted, assets)
    return refusal.value.code, refusal.value.field


@pytest.mark.parametrize("wanted", FORMATS, ids=lambda one: one.format_id)
def test_each_required_slot_is_required_and_of_its_type(wanted: DemoFormat) -> None:
    whole = fitting(wanted)
    check(wanted, whole)

    for name in whole:
        without = {key: value for key, value in whole.items() if key != name}
        assert fault(wanted, without) == ("VALIDATION_ERROR", f"creatives[7].assets.{name}")
        if name != "card":
            wrong = whole | {name: asset("webhook")}
            expected = f"creatives[7].assets.{name}.asset_type"
            assert fault(wanted, wrong) == ("VALIDATION_ERROR", expected)


@pytest.mark.parametrize(
    ("cards", "field"),
    [
        ([CARD] * 2, "card"),
        ([CARD] * 7, "card"),
        (CARD, "card"),
        ([CARD, CARD, IMAGE], "card[2].asset_type"),
        ([CARD, CARD | {"media": asset("video")}, CARD], "card[1].media.asset_type"),
        ([CARD, CARD, CARD | {"headline": ""}], "card[2].headline"),
        ([CARD | {"landing_page_url": None}, CARD, CARD], "card[0].landing_page_url"),
    ],
)
def test_a_carousel_has_as_many_whole_cards_as_its_format_says(cards: Any, field: str) -> None:
    assets = {"headline": asset("text"), "card": cards}

    assert fault(NATIVE_CAROUSEL, assets) == ("VALIDATION_ERROR", f"creatives[7].assets.{field}")


def test_an_optional_slot_is_checked_when_it_is_filled() -> None:
    wanted = FORMATS[0]
    assets = fitting(wanted) | {"impression_tracker": asset("image")}

    expected = "creatives[7].assets.impression_tracker.asset_type"
    assert fault(wanted, assets) == ("VALIDATION_ERROR", expected)


def test_the_digest_names_the_content_and_not_its_spelling() -> None:
    reference = {"agent_url": AGENT_URL, "id": "display_300x250"}
    digest = content_digest("One", reference, {"a": IMAGE, "b": LINK}, ["x", "y"])

    slashed = reference | {"agent_url": f"{AGENT_URL}/"}
    assert content_digest("One", slashed, {"b": LINK, "a": IMAGE}, ["y", "x"]) == digest
    others = {
        content_digest("Two", reference, {"a": IMAGE, "b": LINK}, ["x", "y"]),
        content_digest("One", reference | {"id": "other"}, {"a": IMAGE, "b": LINK}, ["x", "y"]),
        content_digest("One", reference, {"a": LINK, "b": IMAGE}, ["x", "y"]),
        content_digest("One", reference, {"a": IMAGE, "b": LINK}, ["x"]),
    }
    assert digest not in others
    assert len(others) == 4
