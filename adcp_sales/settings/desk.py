"""How the sales desk looks: django-unfold's settings (the desk helper fills the navigation)."""

UNFOLD = {
    "SITE_TITLE": "Sales desk",
    "SITE_HEADER": "Sales desk",
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
}
