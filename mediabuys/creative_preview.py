"""What a reviewer is shown of a creative, without loading anything from a buyer's host."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from mediabuys.models import Creative

TEXT_LIMIT = 2000
# The frame on the page is never larger than this, in pixels.
FRAME_LIMIT = 320
CLICK_TYPE = "url"
TIMES = "\N{MULTIPLICATION SIGN}"


@dataclass(frozen=True)
class AssetFacts:
    """One asset: `address` is a web address to follow by hand, `text` is what it says."""

    slot: str
    kind: str
    measures: str
    address: str
    host: str
    text: str


@dataclass(frozen=True)
class CreativeContent:
    """A creative's assets in words; `frame` is width and height, scaled to fit the page."""

    assets: tuple[AssetFacts, ...]
    click_domains: tuple[str, ...]
    size: tuple[int, int] | None

    @property
    def frame(self) -> tuple[int, int] | None:
        """The size to draw its outline in."""
        if self.size is None:
            return None
        scale = min(1.0, FRAME_LIMIT / max(self.size))
        width, height = (max(1, round(side * scale)) for side in self.size)
        return width, height

    @property
    def in_short(self) -> str:
        """The assets in one line: `image 300 by 250, url`."""
        return ", ".join(f"{one.kind} {one.measures}".strip() for one in self.assets)

    @property
    def texts(self) -> tuple[AssetFacts, ...]:
        """The assets that can be read."""
        return tuple(one for one in self.assets if one.text)


def creative_content(creative: Creative) -> CreativeContent:
    """Return what can be shown of a creative, whatever is in it; nothing is fetched."""
    assets = tuple(_assets(creative.assets))
    clicks = [one.host for one in assets if one.kind == CLICK_TYPE and one.host]
    return CreativeContent(assets, tuple(dict.fromkeys(clicks)), _size(creative.assets))


def _assets(slots: Mapping[str, Any]) -> Iterator[AssetFacts]:
    for name, value in slots.items():
        for position, asset in enumerate(value if isinstance(value, list) else [value], start=1):
            slot = f"{name} {position}" if isinstance(value, list) else name
            yield from _asset(slot, asset)


def _asset(slot: str, asset: Any) -> Iterator[AssetFacts]:
    if not isinstance(asset, dict):
        yield AssetFacts(slot, "", "", "", "", str(asset)[:TEXT_LIMIT])
        return
    kind = str(asset.get("asset_type", ""))
    address, host = _address(asset.get("url"))
    yield AssetFacts(slot, kind, _measures(asset), address, host, _text(asset))
    if isinstance(asset.get("media"), dict):
        yield from _asset(f"{slot}, media", asset["media"])
    landing, landing_host = _address(asset.get("landing_page_url"))
    if landing:
        yield AssetFacts(f"{slot}, landing page", CLICK_TYPE, "", landing, landing_host, "")


def _address(value: Any) -> tuple[str, str]:
    """Return a web address and its host; both empty for anything that is no plain web address."""
    text = str(value or "")
    try:
        parts = urlsplit(text)
        host = parts.hostname or ""
    except ValueError:
        return "", ""
    return (text, host) if parts.scheme in ("https", "http") and host else ("", "")


def _measures(asset: Mapping[str, Any]) -> str:
    words = []
    if asset.get("width") and asset.get("height"):
        words.append(f"{asset['width']} {TIMES} {asset['height']}")
    if isinstance(asset.get("duration_ms"), int | float):
        words.append(f"{asset['duration_ms'] / 1000:g} s")
    return ", ".join(words)


def _text(asset: Mapping[str, Any]) -> str:
    parts = [asset.get(name) for name in ("headline", "description", "content")]
    return "\n".join(str(part) for part in parts if part)[:TEXT_LIMIT]


def _size(slots: Mapping[str, Any]) -> tuple[int, int] | None:
    """Return the size of the largest picture or film; None where there is neither."""
    found = [
        (asset["width"], asset["height"])
        for value in slots.values()
        for asset in (value if isinstance(value, list) else [value])
        if isinstance(asset, dict)
        and isinstance(asset.get("width"), int)
        and isinstance(asset.get("height"), int)
        and asset["width"] > 0
        and asset["height"] > 0
    ]
    return max(found, key=lambda size: size[0] * size[1], default=None)
