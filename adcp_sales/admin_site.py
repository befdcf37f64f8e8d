"""The sales desk: django-unfold's admin site under our own name."""

from django.contrib.admin.apps import AdminConfig


class DeskAdminConfig(AdminConfig):
    default_site = "adcp_sales.admin_site.DeskSite"
