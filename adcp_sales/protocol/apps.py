from django.apps import AppConfig


class ProtocolConfig(AppConfig):
    name = "adcp_sales.protocol"
    label = "protocol"
    verbose_name = "Buyers' access"

    def ready(self) -> None:
        """Register the deployment's system checks."""
        from adcp_sales import checks  # noqa: F401 (importing registers)
