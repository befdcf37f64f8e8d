from django.apps import AppConfig


class ProtocolConfig(AppConfig):
    name = "adcp_sales.protocol"
    label = "protocol"
    verbose_name = "Buyers' access"
