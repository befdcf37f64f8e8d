"""The sales desk as Django's default admin site."""

from django.contrib.admin.apps import AdminConfig


class DeskAdminConfig(AdminConfig):
    default_site = "adcp_sales.desk_site.DeskSite"
