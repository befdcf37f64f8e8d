from django.apps import AppConfig


class BrokerConfig(AppConfig):
    name = "adcp_sales.broker"
    label = "broker"
    verbose_name = "Embedded broker"
