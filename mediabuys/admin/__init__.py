from mediabuys.admin import buys, catalog, creatives, parties

__all__ = ["buys", "catalog", "creatives", "parties"]
