"""How the sales desk looks: django-unfold's settings."""

from typing import Any

from django.templatetags.static import static


def stylesheet(_: object) -> str:
    """Return the address of the desk's own styles."""
    return static("desk/desk.css")


def icon(_: object) -> str:
    """Return the address of the desk's icon."""
    return static("desk/icon.svg")


def script(_: object) -> str:
    """Return the address of the desk's own script."""
    return static("desk/desk.js")


UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Sales desk",
    "SITE_HEADER": "Sales desk",
    "SITE_SYMBOL": "storefront",
    "SITE_URL": None,
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_BACK_BUTTON": False,
    "BORDER_RADIUS": "8px",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": icon}],
    "STYLES": [stylesheet],
    "SCRIPTS": [script],
    "COLORS": {
        "base": {
            "50": "oklch(98.4% .003 230)",
            "100": "oklch(96.6% .005 230)",
            "200": "oklch(92.4% .009 230)",
            "300": "oklch(86.9% .014 230)",
            "400": "oklch(70.4% .024 232)",
            "500": "oklch(54.6% .028 234)",
            "600": "oklch(44.2% .03 236)",
            "700": "oklch(36.8% .03 238)",
            "800": "oklch(27.6% .027 240)",
            "900": "oklch(20.8% .024 242)",
            "950": "oklch(13.6% .02 244)",
        },
        "primary": {
            "50": "oklch(97.6% .014 215)",
            "100": "oklch(94.6% .03 214)",
            "200": "oklch(89.4% .054 213)",
            "300": "oklch(81.4% .086 214)",
            "400": "oklch(70.8% .105 217)",
            "500": "oklch(59.4% .103 220)",
            "600": "oklch(49.6% .093 222)",
            "700": "oklch(42.8% .081 224)",
            "800": "oklch(36.6% .067 226)",
            "900": "oklch(31.4% .055 228)",
            "950": "oklch(22.4% .042 230)",
        },
    },
    "SIDEBAR": {
        "show_search": False,
        "show_all_applications": False,
        "navigation": "adcp_sales.desk_navigation.navigation",
    },
    "COMMAND": {"search_models": False, "show_history": False},
}
