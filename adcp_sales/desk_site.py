"""The admin site itself: django-unfold's, under the publisher's name."""

from unfold.sites import UnfoldAdminSite


class DeskSite(UnfoldAdminSite):
    site_url = None
