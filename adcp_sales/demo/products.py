"""What the demo publisher sells, and for how much."""

from dataclasses import dataclass
from decimal import Decimal

from mediabuys.states import DeliveryType, PricingModel

GUARANTEED, OPEN = DeliveryType.GUARANTEED, DeliveryType.NON_GUARANTEED

STANDARD_BANNERS = ("display_300x250", "display_300x600", "display_728x90", "display_html5_300x250")
BILLBOARDS = ("display_970x250", "display_html5_970x250")
IN_STREAM = ("video_15s", "video_30s", "video_vast_30s")
TV_SPOTS = ("ctv_15s", "ctv_30s", "video_vast_30s")
NEWS_SITES = ("ledger_web", "ledger_app")


@dataclass(frozen=True)
class DemoPrice:
    """One pricing option: fixed, or a floor with p25, p50, p75 and p90 of winning prices."""

    pricing_option_id: str
    model: PricingModel
    fixed: str | None = None
    floor: str | None = None
    guidance: tuple[str, str, str, str] | None = None
    card: str | None = None
    currency: str = "USD"
    minimum: str | None = None

    def money(self, name: str) -> Decimal | None:
        """Return the named amount as a decimal, if it is set."""
        amount: str | None = getattr(self, name)
        return None if amount is None else Decimal(amount)


@dataclass(frozen=True)
class DemoProduct:
    product_id: str
    name: str
    description: str
    delivery: DeliveryType
    channels: tuple[str, ...]
    properties: tuple[str, ...]
    formats: tuple[str, ...]
    prices: tuple[DemoPrice, ...]
    daily_impressions: int | None = None
    countries: tuple[str, ...] = ("US", "CA")
    category: str = ""


CPM, VCPM, CPC, CPCV = PricingModel.CPM, PricingModel.VCPM, PricingModel.CPC, PricingModel.CPCV
FLAT = PricingModel.FLAT_RATE

DISPLAY = (
    DemoProduct(
        "homepage_takeover",
        "Homepage takeover, one day",
        "Every impression on the homepage of northernledger.example for one day: billboard and "
        "both side skins. Sold once a day.",
        GUARANTEED,
        ("display",),
        ("ledger_web",),
        ("homepage_takeover",),
        (DemoPrice("takeover_day_usd", FLAT, fixed="18000", card="18000", minimum="18000"),),
        daily_impressions=1_400_000,
    ),
    DemoProduct(
        "news_display_premium",
        "Premium news display",
        "Guaranteed display in the news sections of the site and in the app, above the "
        "fold. The launch price is for partners whom the desk has agreed it with.",
        GUARANTEED,
        ("display",),
        NEWS_SITES,
        STANDARD_BANNERS + BILLBOARDS,
        (
            DemoPrice("news_cpm_usd", CPM, fixed="14.00", card="14.00", minimum="2500"),
            DemoPrice("news_launch_cpm_usd", CPM, fixed="9.80", card="14.00", minimum="2500"),
        ),
        daily_impressions=2_200_000,
    ),
    DemoProduct(
        "run_of_site_display",
        "Run of site display",
        "Display across all our sites and the app, wherever space is free. At auction, or at a "
        "fixed price.",
        OPEN,
        ("display",),
        ("ledger_web", "ledger_markets_web", "ledger_sport_web", "ledger_table_web", "ledger_app"),
        (*STANDARD_BANNERS, "display_320x50"),
        (
            DemoPrice(
                "ros_cpm_usd_auction",
                CPM,
                floor="2.50",
                guidance=("3.10", "3.80", "5.20", "7.40"),
            ),
            DemoPrice("ros_cpm_usd_fixed", CPM, fixed="4.20", card="4.20", minimum="250"),
        ),
        daily_impressions=9_500_000,
    ),
    DemoProduct(
        "markets_viewable_display",
        "Ledger Markets, viewable display",
        "Display beside market data and business analysis, paid only when seen: half of the pixels "
        "for one second.",
        OPEN,
        ("display",),
        ("ledger_markets_web",),
        STANDARD_BANNERS,
        (DemoPrice("markets_vcpm_usd", VCPM, fixed="11.50", card="11.50", minimum="500"),),
        daily_impressions=1_100_000,
    ),
    DemoProduct(
        "app_performance_display",
        "News app, cost per click",
        "Mobile banners in the Northern Ledger app, paid by the click.",
        OPEN,
        ("display",),
        ("ledger_app",),
        ("display_320x50", "display_300x250"),
        (
            DemoPrice("app_cpc_usd_fixed", CPC, fixed="0.85", card="0.85", minimum="200"),
            DemoPrice(
                "app_cpc_usd_auction",
                CPC,
                floor="0.45",
                guidance=("0.52", "0.66", "0.81", "1.10"),
            ),
        ),
        daily_impressions=3_000_000,
    ),
    DemoProduct(
        "europe_news_display",
        "European edition display",
        "Display on the European edition of the site, for readers in Germany, France, the "
        "Netherlands and Ireland.",
        OPEN,
        ("display",),
        ("ledger_web",),
        STANDARD_BANNERS,
        (
            DemoPrice(
                "europe_cpm_eur", CPM, fixed="6.50", card="6.50", currency="EUR", minimum="300"
            ),
        ),
        daily_impressions=800_000,
        countries=("DE", "FR", "NL", "IE"),
    ),
    DemoProduct(
        "public_affairs_display",
        "Public affairs display",
        "Display beside political coverage, for campaigns, parties and advocacy. A person reads "
        "each order before it runs.",
        OPEN,
        ("display",),
        NEWS_SITES,
        STANDARD_BANNERS + BILLBOARDS,
        (DemoPrice("public_affairs_cpm_usd", CPM, fixed="16.00", card="16.00", minimum="1000"),),
        daily_impressions=600_000,
        countries=("US",),
        category="politics",
    ),
)

VIDEO = (
    DemoProduct(
        "sports_preroll",
        "Sports pre-roll",
        "Guaranteed pre-roll before highlights and interviews on Ledger Sport and in the app, for "
        "runners, hikers, fans and outdoor brands.",
        GUARANTEED,
        ("olv",),
        ("ledger_sport_web", "ledger_app"),
        IN_STREAM,
        (
            DemoPrice("sports_preroll_cpm_usd", CPM, fixed="35.00", card="35.00", minimum="5000"),
            DemoPrice(
                "sports_preroll_cpm_eur",
                CPM,
                fixed="32.00",
                card="32.00",
                currency="EUR",
                minimum="5000",
            ),
        ),
        daily_impressions=100_000,
        countries=("US", "CA", "DE", "FR", "NL", "IE"),
    ),
    DemoProduct(
        "news_video_completed",
        "News video, completed views",
        "In-stream video beside news clips, paid only for views watched to the end.",
        OPEN,
        ("olv",),
        NEWS_SITES,
        IN_STREAM,
        (
            DemoPrice("news_video_cpcv_usd", CPCV, fixed="0.045", card="0.045", minimum="500"),
            DemoPrice(
                "news_video_cpm_usd_auction",
                CPM,
                floor="14.00",
                guidance=("15.80", "18.50", "22.40", "27.00"),
            ),
        ),
        daily_impressions=900_000,
    ),
    DemoProduct(
        "premium_ctv",
        "Ledger TV, premium breaks",
        "Guaranteed spots in the evening news and live sport on Ledger TV, on the big screen. The "
        "upfront price is for orders that the desk has agreed it with.",
        GUARANTEED,
        ("ctv",),
        ("ledger_tv",),
        TV_SPOTS,
        (
            DemoPrice("premium_ctv_cpm_usd", CPM, fixed="45.00", card="45.00", minimum="10000"),
            DemoPrice(
                "premium_ctv_upfront_cpm_usd", CPM, fixed="30.00", card="45.00", minimum="10000"
            ),
        ),
        daily_impressions=220_000,
    ),
    DemoProduct(
        "open_ctv",
        "Ledger TV, open breaks",
        "Spots in the breaks of Ledger TV that are not sold ahead, at auction.",
        OPEN,
        ("ctv",),
        ("ledger_tv",),
        TV_SPOTS,
        (
            DemoPrice(
                "open_ctv_cpm_usd_auction",
                CPM,
                floor="18.00",
                guidance=("20.50", "24.00", "29.50", "36.00"),
            ),
        ),
        daily_impressions=420_000,
    ),
)

AUDIO = (
    DemoProduct(
        "radio_drive_time",
        "Ledger Radio, drive time",
        "Guaranteed spots on the Ledger Radio stream, weekdays from 6 to 10 and from 16 to 19.",
        GUARANTEED,
        ("streaming_audio",),
        ("ledger_radio",),
        ("audio_15s", "audio_30s"),
        (DemoPrice("drive_time_cpm_usd", CPM, fixed="22.00", card="22.00", minimum="3000"),),
        daily_impressions=310_000,
    ),
    DemoProduct(
        "radio_run_of_stream",
        "Ledger Radio, run of stream",
        "Spots on the Ledger Radio stream at any hour, at auction.",
        OPEN,
        ("streaming_audio",),
        ("ledger_radio",),
        ("audio_15s", "audio_30s"),
        (
            DemoPrice(
                "radio_cpm_usd_auction",
                CPM,
                floor="6.00",
                guidance=("6.90", "8.40", "10.80", "13.50"),
            ),
        ),
        daily_impressions=700_000,
    ),
    DemoProduct(
        "ledger_daily_sponsorship",
        "The Ledger Daily, week sponsorship",
        "Sole sponsor of the morning podcast for five episodes, read by the host.",
        GUARANTEED,
        ("podcast",),
        ("ledger_daily_podcast",),
        ("podcast_host_read_60s",),
        (DemoPrice("daily_week_usd", FLAT, fixed="7500", card="7500", minimum="7500"),),
        daily_impressions=85_000,
    ),
    DemoProduct(
        "podcast_network_spots",
        "Podcast network spots",
        "Produced spots in all our podcasts, placed dynamically.",
        OPEN,
        ("podcast",),
        ("ledger_daily_podcast", "trailhead_podcast"),
        ("audio_15s", "audio_30s"),
        (DemoPrice("podcast_cpm_usd", CPM, fixed="21.00", card="21.00", minimum="500"),),
        daily_impressions=130_000,
    ),
)

NATIVE = (
    DemoProduct(
        "native_content_cards",
        "Native content cards",
        "Cards and carousels in the article lists of The Ledger Table and Ledger Sport, in our own "
        "type, paid by the click.",
        OPEN,
        ("display",),
        ("ledger_table_web", "ledger_sport_web"),
        ("native_content_card", "native_carousel"),
        (DemoPrice("native_cpc_usd", CPC, fixed="1.20", card="1.20", minimum="300"),),
        daily_impressions=1_800_000,
    ),
    DemoProduct(
        "sponsored_article",
        "Sponsored article",
        "An article written by our studio from the sponsor's brief, marked as advertising, and "
        "promoted on the homepage for a week.",
        GUARANTEED,
        ("display",),
        ("ledger_web",),
        ("native_sponsored_article",),
        (DemoPrice("article_usd", FLAT, fixed="12000", card="12000", minimum="12000"),),
    ),
)

PRODUCTS = DISPLAY + VIDEO + AUDIO + NATIVE
