from django.apps import AppConfig


class DemoConfig(AppConfig):
    name = "adcp_sales.demo"
    label = "demo"
    verbose_name = "Demo publisher"
