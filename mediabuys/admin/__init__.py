from mediabuys.admin import buys, catalog, creatives, parties, proposals

__all__ = ["buys", "catalog", "creatives", "parties", "proposals"]
