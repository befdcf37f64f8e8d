from django.apps import AppConfig


class MediaBuysConfig(AppConfig):
    name = "mediabuys"
    verbose_name = "Media buys"
