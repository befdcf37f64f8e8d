"""get_adcp_capabilities: what this deployment does, and nothing that it does not."""

from typing import Any

from django.conf import settings

from adcp_sales.protocol.registry import Call, Reply, TaskSpec
from adcp_sales.protocol.versions import BUILD_VERSION, SUPPORTED_MAJORS, SUPPORTED_VERSIONS
from mediabuys.selectors.catalog import channels_for_sale, pricing_models_for_sale, the_publisher
from mediabuys.services.accounts import SUPPORTED_BILLING

IN_FLIGHT_SECONDS = 60
BUYING_MODES = ("brief", "wholesale", "refine")


def get_adcp_capabilities(call: Call) -> Reply:
    """Answer from the registry, the settings and the live catalog; three queries."""
    sections = {"media_buy": _media_buy, "creative": _creative}
    wanted = call.params.get("protocols") or list(sections)
    body: dict[str, Any] = {
        "adcp": _adcp(),
        "supported_protocols": list(sections),
        "account": {
            "supported_billing": list(SUPPORTED_BILLING),
            "require_operator_auth": False,
            "required_for_products": False,
            "sandbox": True,
        },
        "request_signing": {"supported": False},
        "webhook_signing": {
            "supported": True,
            "profile": "adcp/webhook-signing/v1",
            "algorithms": ["ed25519"],
            "legacy_hmac_fallback": True,
        },
    }
    if settings.PUBLIC_URL.startswith("https://"):
        body["identity"] = {"brand_json_url": f"{settings.PUBLIC_URL}/.well-known/brand.json"}
    for name, section in sections.items():
        if name in wanted:
            body[name] = section(call)
    return Reply(body)


def _adcp() -> dict[str, Any]:
    return {
        "major_versions": list(SUPPORTED_MAJORS),
        "supported_versions": list(SUPPORTED_VERSIONS),
        "build_version": BUILD_VERSION,
        "idempotency": {
            "supported": True,
            "replay_ttl_seconds": settings.IDEMPOTENCY_REPLAY_SECONDS,
            "in_flight_max_seconds": IN_FLIGHT_SECONDS,
            "account_id_is_opaque": True,
        },
    }


def _media_buy(call: Call) -> dict[str, Any]:
    publisher = the_publisher()
    section: dict[str, Any] = {
        "buying_modes": list(BUYING_MODES),
        "supports_proposals": True,
        "governance_aware": False,
        "propagation_surfaces": ["snapshot", "webhook"],
        "creative_approval_mode": publisher.creative_approval_mode,
        "portfolio": {
            "publisher_domains": [publisher.domain],
            "description": publisher.description,
        },
    }
    if models := pricing_models_for_sale(now=call.now):
        section["supported_pricing_models"] = models
    if channels := channels_for_sale(now=call.now):
        section["portfolio"]["primary_channels"] = channels
    return section


def _creative(call: Call) -> dict[str, Any]:  # noqa: ARG001 (one signature for all sections)
    return {"has_creative_library": True, "supports_generation": False}


TASKS = [
    TaskSpec(
        name="get_adcp_capabilities",
        run=get_adcp_capabilities,
        access="public",
        schema="get_adcp_capabilities",
        summary="What this agent supports",
        example={},
    )
]
