"""The Interchange surface: the coarser status of a buy, a campaign and an account, read by GET.

It is no part of AdCP: no task, no envelope, and no word of it in an AdCP body.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, ClassVar

from django.conf import settings
from django.urls import path, register_converter
from django.urls.converters import StringConverter
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from adcp_sales.protocol.access import refuse_stopped_agent
from adcp_sales.protocol.auth import missing_token
from adcp_sales.protocol.errors import AdcpError
from adcp_sales.transports.interchange_schema import READS, ReadDescription, ReadSchema
from adcp_sales.transports.rest import OnlyJson
from mediabuys.models import Principal
from mediabuys.rollups import most_restrictive, operational_words
from mediabuys.wire.rollups import account_rollup_body, campaign_rollup_body, order_rollup_body
from tasks_hitl.rollups import account_facts, campaign_rollup, order_rollup

Body = dict[str, Any] | None


class AnyTextConverter(StringConverter):
    """All of the rest of the path: a buyer's campaign reference may contain anything."""

    regex = "(?s:.+)"


register_converter(AnyTextConverter, "any_text")


def media_buy(principal: Principal, name: str) -> Body:
    """Return the body of one buy or order, or None."""
    rollup = order_rollup(principal=principal, name=name, now=timezone.now())
    return None if rollup is None else order_rollup_body(rollup)


def campaign(principal: Principal, name: str) -> Body:
    """Return the body of one campaign, or None."""
    precedence = settings.ROLLUP_PRECEDENCE["interchange"]
    rollup = campaign_rollup(principal=principal, campaign_ref=name, precedence=precedence)
    return None if rollup is None else campaign_rollup_body(rollup)


def account(principal: Principal, name: str) -> Body:
    """Return the body of one account, or None."""
    now = timezone.now()
    since = now - timedelta(days=settings.ROLLUP_ATTENTION_DAYS)
    facts = account_facts(principal=principal, account_id=name, since=since, now=now)
    if facts is None:
        return None
    precedence = settings.ROLLUP_PRECEDENCE["operational_status"]
    return account_rollup_body(facts, most_restrictive(operational_words(facts), precedence))


class InterchangeView(APIView):
    """One read; what is unknown and what belongs to others answer the very same 404."""

    content_negotiation_class = OnlyJson
    http_method_names = ["get", "head"]
    description: ClassVar[ReadDescription | None] = None
    read: ClassVar[Callable[[Principal, str], Body] | None] = None

    def get(self, request: Request, name: str = "") -> Response:
        """Answer with the body, for an agent that is known and not stopped."""
        principal = request.user
        if not isinstance(principal, Principal):
            raise missing_token()
        refuse_stopped_agent(principal)
        body = self.read(principal, name) if self.read and "\x00" not in name else None
        if body is None:
            raise _not_found()
        return Response(body)

    def finalize_response(
        self, request: Request, response: Response, *args: Any, **kwargs: Any
    ) -> Response:
        """Keep every answer out of caches, refusals too."""
        final = super().finalize_response(request, response, *args, **kwargs)
        final["Cache-Control"] = "no-store"
        return final


class UnknownReadView(InterchangeView):
    """Answers for every address that is no read."""

    schema = None


def _not_found() -> AdcpError:
    return AdcpError(
        "REFERENCE_NOT_FOUND",
        "There is nothing of this name.",
        suggestion="Check the id: a media_buy_id, task_id, context_id, campaign reference or"
        " account_id of yours.",
        http_status=404,
    )


def _view(read: Callable[[Principal, str], Body]) -> type[InterchangeView]:
    described = READS[read.__name__]
    return type(
        f"{described.title}View",
        (InterchangeView,),
        {"read": staticmethod(read), "description": described, "schema": ReadSchema()},
    )


urlpatterns = [
    path("interchange/media-buys/<str:name>", _view(media_buy).as_view()),
    path("interchange/campaigns/<any_text:name>", _view(campaign).as_view()),
    path("interchange/accounts/<str:name>", _view(account).as_view()),
    path("interchange/", UnknownReadView.as_view()),
    path("interchange/<any_text:name>", UnknownReadView.as_view()),
]
