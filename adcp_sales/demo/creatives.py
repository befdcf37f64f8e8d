"""The creatives that the demo's buyers synced, and what the review said of them."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings

from adcp_sales.demo.formats import FORMATS, DemoFormat, Slot
from adcp_sales.demo.orders import Moment, ago, on
from mediabuys.models import Account


@dataclass(frozen=True)
class DemoCreative:
    """One creative; without a review it still waits for one."""

    account: str
    creative_id: str
    name: str
    format_id: str
    synced: Moment
    is_reviewed: bool = True
    rejection: str = ""


CREATIVES = (
    DemoCreative("acme", "trail_mpu", "Trail Pro, rectangle", "display_300x250", on(-80, 9)),
    DemoCreative("acme", "trail_film_30", "Trail Pro, the climb", "video_30s", on(-80, 9)),
    DemoCreative("acme", "trail_ctv_30", "Trail Pro, the climb (TV)", "ctv_30s", on(-60, 10)),
    DemoCreative("acme", "trail_spot_30", "Trail Pro, voices", "audio_30s", on(-50, 10)),
    DemoCreative("acme", "trail_card", "Trail Pro, card", "native_content_card", on(-44, 10)),
    DemoCreative("acme", "trail_takeover", "Trail Pro day", "homepage_takeover", ago(6)),
    DemoCreative(
        "acme", "trail_ctv_15", "Trail Pro, winter cut", "ctv_15s", ago(3), is_reviewed=False
    ),
    DemoCreative("brightline", "savings_mpu", "Savings, 4 %", "display_300x250", on(-86, 11)),
    DemoCreative("brightline", "savings_ctv_30", "Savings, the jar", "ctv_30s", on(-72, 11)),
    DemoCreative(
        "brightline", "savings_host_read", "Savings, points", "podcast_host_read_60s", on(-35, 9.5)
    ),
    DemoCreative(
        "brightline", "savings_spot_30", "Savings, the jar (audio)", "audio_30s", on(-3, 9.5)
    ),
    DemoCreative("bluebird", "morning_spot_30", "Good morning", "audio_30s", on(-52, 10)),
    DemoCreative("bluebird", "morning_mpu", "Good morning, cup", "display_300x250", on(-52, 10)),
    DemoCreative("bluebird", "morning_film_15", "Good morning, short", "video_15s", on(-52, 10)),
    DemoCreative(
        "bluebird",
        "morning_card",
        "Good morning, card",
        "native_content_card",
        on(-2, 10),
        rejection="The headline promises a free coffee that the landing page does not mention.",
    ),
    DemoCreative("velo", "velo_mpu", "Velo, city", "display_300x250", on(-62, 11)),
    DemoCreative("velo", "velo_film_15", "Velo, city film", "video_15s", on(-9, 11)),
    DemoCreative("civic", "vote_mpu", "Know your polling place", "display_300x250", on(-45, 10)),
    DemoCreative("kestrel", "winter_mpu", "Winter grip", "display_300x250", on(-17, 10)),
    DemoCreative(
        "kestrel", "winter_mpu_2", "Winter grip, bold", "display_300x250", ago(2), is_reviewed=False
    ),
    DemoCreative("oranje", "bistro_mpu", "Tonight at the bistro", "display_300x250", on(-25, 10)),
)

COPY = {
    "headline": "Made for the morning",
    "sponsor_name": "The sponsor",
    "talking_points": (
        "Say in your own words why you keep a separate account for what you save, and that "
        "opening one takes five minutes. Mention that the rate is four percent for a year."
    ),
}


def creative_body(creative: DemoCreative, account: Account) -> dict[str, Any]:
    """Return the creative as its buyer sends it to `sync_creatives`."""
    wanted = next(row for row in FORMATS if row.format_id == creative.format_id)
    host = f"https://assets.{account.brand_domain}/{creative.creative_id}"
    return {
        "creative_id": creative.creative_id,
        "name": creative.name,
        "format_id": {"agent_url": settings.PUBLIC_URL, "id": creative.format_id},
        "assets": {
            slot["asset_id"]: _asset(slot, wanted, host)
            for slot in wanted.assets
            if slot["required"]
        },
    }


def _asset(slot: Slot, wanted: DemoFormat, host: str) -> dict[str, Any]:
    kind, name = slot["asset_type"], slot["asset_id"]
    needs = slot.get("requirements", {})
    if kind == "url":
        return {"asset_type": kind, "url": f"{host}/landing"}
    if kind == "text":
        return {"asset_type": kind, "content": COPY[name]}
    if kind == "audio":
        return {"asset_type": kind, "url": f"{host}/{name}.mp3", "duration_ms": wanted.duration_ms}
    picture = {
        "asset_type": kind,
        "width": needs.get("max_width", wanted.width or 1200),
        "height": needs.get("max_height", wanted.height or 628),
    }
    if kind == "video":
        return picture | {"url": f"{host}/{name}.mp4", "duration_ms": wanted.duration_ms}
    return picture | {"url": f"{host}/{name}.jpg"}
