"""The creative formats that the demo publisher takes, with their asset slots.

Slots are what AdCP calls a format's `assets`: a creative's manifest uses each `asset_id` as key.
"""

from dataclasses import dataclass
from typing import Any

Slot = dict[str, Any]


@dataclass(frozen=True)
class DemoFormat:
    format_id: str
    name: str
    media: str
    description: str
    assets: tuple[Slot, ...]
    width: int | None = None
    height: int | None = None
    duration_ms: int | None = None


def slot(asset_id: str, asset_type: str, *, required: bool = True, **requirements: Any) -> Slot:
    """Return one individual asset slot; requirements as the asset type's own schema names them."""
    individual: Slot = {
        "item_type": "individual",
        "asset_id": asset_id,
        "asset_type": asset_type,
        "required": required,
    }
    return individual | ({"requirements": requirements} if requirements else {})


LANDING_PAGE = slot("landing_page_url", "url", role="clickthrough", protocols=["https"])
IMPRESSION_TRACKER = slot(
    "impression_tracker", "url", required=False, role="impression_tracker", protocols=["https"]
)


def banner(width: int, height: int, name: str, *, kilobytes: int = 200) -> DemoFormat:
    """Return a static image banner of one size."""
    image = slot(
        "banner_image",
        "image",
        min_width=width,
        max_width=width,
        min_height=height,
        max_height=height,
        formats=["jpg", "png", "gif", "webp"],
        max_file_size_kb=kilobytes,
    )
    return DemoFormat(
        f"display_{width}x{height}",
        f"{name} {width}x{height}",
        "display",
        f"A static image of {width} by {height} pixels, at most {kilobytes} KB.",
        (image, LANDING_PAGE, IMPRESSION_TRACKER),
        width=width,
        height=height,
    )


def html_banner(width: int, height: int, name: str) -> DemoFormat:
    """Return an HTML5 banner of one size, shown in a safe frame."""
    return DemoFormat(
        f"display_html5_{width}x{height}",
        f"{name} {width}x{height}, HTML5",
        "display",
        "An HTML5 banner in a safe frame, at most 300 KB.",
        (
            slot("banner_html", "html", max_file_size_kb=300, sandbox="safeframe"),
            slot("backup_image", "image", formats=["jpg", "png"], max_file_size_kb=80),
            LANDING_PAGE,
            IMPRESSION_TRACKER,
        ),
        width=width,
        height=height,
    )


def film(prefix: str, seconds: int, name: str) -> DemoFormat:
    """Return a hosted 16:9 video of at most so many seconds."""
    video = slot(
        "video",
        "video",
        min_width=1280,
        max_width=1920,
        min_height=720,
        max_height=1080,
        aspect_ratio="16:9",
        max_duration_ms=seconds * 1000,
        containers=["mp4"],
        codecs=["h264"],
        max_file_size_kb=51_200,
    )
    return DemoFormat(
        f"{prefix}_{seconds}s",
        f"{name}, {seconds} seconds",
        "video",
        f"An MP4 file in 16:9, at most {seconds} seconds, which we host.",
        (video, LANDING_PAGE, IMPRESSION_TRACKER),
        width=1920,
        height=1080,
        duration_ms=seconds * 1000,
    )


def spot(seconds: int) -> DemoFormat:
    """Return a produced audio spot with an optional companion picture."""
    return DemoFormat(
        f"audio_{seconds}s",
        f"Audio spot, {seconds} seconds",
        "audio",
        f"A produced spot of at most {seconds} seconds at -16 LUFS, with an optional companion.",
        (
            slot(
                "audio",
                "audio",
                max_duration_ms=seconds * 1000,
                formats=["mp3", "wav"],
                min_bitrate_kbps=192,
                channels=["stereo"],
            ),
            slot("companion_image", "image", required=False, min_width=300, max_width=300,
                 min_height=250, max_height=250, formats=["jpg", "png"]),
            slot("landing_page_url", "url", required=False, role="clickthrough"),
            IMPRESSION_TRACKER,
        ),
        duration_ms=seconds * 1000,
    )  # fmt: skip


HOMEPAGE_TAKEOVER = DemoFormat(
    "homepage_takeover",
    "Homepage takeover",
    "display",
    "A billboard and two side skins around the homepage, for one day.",
    (
        slot("billboard_image", "image", min_width=970, max_width=970, min_height=250,
             max_height=250, formats=["jpg", "png", "webp"], max_file_size_kb=300),
        slot("left_skin_image", "image", min_width=300, max_width=300, min_height=1050,
             max_height=1050, formats=["jpg", "png"], max_file_size_kb=400),
        slot("right_skin_image", "image", min_width=300, max_width=300, min_height=1050,
             max_height=1050, formats=["jpg", "png"], max_file_size_kb=400),
        LANDING_PAGE,
        IMPRESSION_TRACKER,
    ),
    width=970,
    height=250,
)  # fmt: skip

VAST = DemoFormat(
    "video_vast_30s",
    "VAST video, up to 30 seconds",
    "video",
    "A VAST 4.2 tag with linear video of at most 30 seconds.",
    (slot("vast_tag", "vast", vast_version="4.2"),),
    width=1920,
    height=1080,
    duration_ms=30_000,
)

NATIVE_CARD = DemoFormat(
    "native_content_card",
    "Native content card",
    "native",
    "A card in the article list, set in our type and marked as advertising.",
    (
        slot("main_image", "image", min_width=1200, min_height=628, aspect_ratio="1.91:1",
             formats=["jpg", "png", "webp"], max_file_size_kb=500),
        slot("headline", "text", max_length=60),
        slot("body_text", "text", required=False, max_length=120),
        slot("sponsor_name", "text", max_length=30),
        slot("call_to_action", "text", required=False, max_length=20),
        LANDING_PAGE,
        IMPRESSION_TRACKER,
    ),
)  # fmt: skip

NATIVE_CAROUSEL = DemoFormat(
    "native_carousel",
    "Native carousel",
    "native",
    "Three to six cards that the reader swipes through.",
    (
        slot("headline", "text", max_length=60),
        {
            "item_type": "repeatable_group",
            "asset_group_id": "card",
            "required": True,
            "min_count": 3,
            "max_count": 6,
            "selection_mode": "sequential",
            "assets": [
                {
                    "asset_id": "card_image",
                    "asset_type": "image",
                    "required": True,
                    "requirements": {"aspect_ratio": "1:1", "formats": ["jpg", "png", "webp"]},
                },
                {
                    "asset_id": "card_title",
                    "asset_type": "text",
                    "required": True,
                    "requirements": {"max_length": 40},
                },
                {
                    "asset_id": "card_url",
                    "asset_type": "url",
                    "required": True,
                    "requirements": {"role": "clickthrough", "protocols": ["https"]},
                },
            ],
        },
    ),
)

SPONSORED_ARTICLE = DemoFormat(
    "native_sponsored_article",
    "Sponsored article",
    "native",
    "A brief from which our studio writes and marks an article, with the sponsor's logo.",
    (
        slot("article_brief", "text", min_length=200, max_length=6000),
        slot("sponsor_name", "text", max_length=40),
        slot("sponsor_logo", "image", formats=["svg", "png"], max_file_size_kb=200),
        LANDING_PAGE,
    ),
)

HOST_READ = DemoFormat(
    "podcast_host_read_60s",
    "Host-read podcast advertisement, 60 seconds",
    "audio",
    "Talking points that the host reads in their own words.",
    (
        slot("talking_points", "text", min_length=100, max_length=1500),
        slot("sponsor_name", "text", max_length=60),
        slot("offer_code", "text", required=False, max_length=20),
        LANDING_PAGE,
    ),
    duration_ms=60_000,
)

FORMATS = (
    banner(300, 250, "Medium rectangle"),
    banner(300, 600, "Half page"),
    banner(728, 90, "Leaderboard"),
    banner(970, 250, "Billboard", kilobytes=300),
    banner(320, 50, "Mobile banner", kilobytes=80),
    html_banner(300, 250, "Medium rectangle"),
    html_banner(970, 250, "Billboard"),
    HOMEPAGE_TAKEOVER,
    film("video", 15, "In-stream video"),
    film("video", 30, "In-stream video"),
    VAST,
    film("ctv", 15, "Connected TV spot"),
    film("ctv", 30, "Connected TV spot"),
    spot(15),
    spot(30),
    HOST_READ,
    NATIVE_CARD,
    NATIVE_CAROUSEL,
    SPONSORED_ARTICLE,
)
