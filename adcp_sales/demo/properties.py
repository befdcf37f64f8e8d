"""Where the demo publisher shows advertising."""

from dataclasses import dataclass

from mediabuys.models import Property

DOMAIN = "northernledger.example"
Type = Property.Type


@dataclass(frozen=True)
class DemoProperty:
    property_id: str
    name: str
    property_type: Property.Type
    identifiers: tuple[tuple[str, str], ...]
    tags: tuple[str, ...]


PROPERTIES = (
    DemoProperty(
        "ledger_web",
        "northernledger.example",
        Type.WEBSITE,
        (("domain", DOMAIN),),
        ("news", "web", "premium"),
    ),
    DemoProperty(
        "ledger_markets_web",
        "Ledger Markets",
        Type.WEBSITE,
        (("subdomain", f"markets.{DOMAIN}"),),
        ("business", "finance", "web", "premium"),
    ),
    DemoProperty(
        "ledger_sport_web",
        "Ledger Sport",
        Type.WEBSITE,
        (("subdomain", f"sport.{DOMAIN}"),),
        ("sports", "outdoor", "web"),
    ),
    DemoProperty(
        "ledger_table_web",
        "The Ledger Table",
        Type.WEBSITE,
        (("subdomain", f"table.{DOMAIN}"),),
        ("food", "travel", "lifestyle", "web"),
    ),
    DemoProperty(
        "ledger_app",
        "Northern Ledger app",
        Type.MOBILE_APP,
        (
            ("ios_bundle", "example.northernledger.news"),
            ("android_package", "example.northernledger.news"),
        ),
        ("news", "app", "premium"),
    ),
    DemoProperty(
        "ledger_tv",
        "Ledger TV",
        Type.CTV_APP,
        (("roku_store_id", "734512"), ("apple_tv_bundle", "example.northernledger.tv")),
        ("news", "sports", "ctv", "premium"),
    ),
    DemoProperty(
        "ledger_radio",
        "Ledger Radio",
        Type.STREAMING_AUDIO,
        (("station_id", "Ledger Radio"),),
        ("news", "music", "audio"),
    ),
    DemoProperty(
        "ledger_daily_podcast",
        "The Ledger Daily",
        Type.PODCAST,
        (("rss_url", f"https://{DOMAIN}/podcasts/daily.rss"),),
        ("news", "podcast", "audio", "premium"),
    ),
    DemoProperty(
        "trailhead_podcast",
        "Trailhead",
        Type.PODCAST,
        (("rss_url", f"https://{DOMAIN}/podcasts/trailhead.rss"),),
        ("sports", "outdoor", "podcast", "audio"),
    ),
)
