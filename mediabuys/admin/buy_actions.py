"""What staff do to a buy: archive it, take it out again, reject it, cancel it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from unfold.decorators import action

from mediabuys.admin.base import ReadOnlyAdmin
from mediabuys.admin.confirm import Confirmation, confirmed
from mediabuys.admin.page import seller_of
from mediabuys.errors import TradeError
from mediabuys.keyset import whole_number
from mediabuys.models import MediaBuy
from mediabuys.pricing import in_words
from mediabuys.selectors.desk_words import flight_in_words
from mediabuys.services.archive import media_buy_archive, media_buy_unarchive
from mediabuys.services.endings import media_buy_refuse, media_buy_stop
from mediabuys.states import BUY_MOVES, TERMINAL_BUY_STATUSES

ARCHIVE = "mediabuys.change_mediabuy"
END = "mediabuys.end_mediabuy"
SEVERAL = 100


class ArchiveForm(forms.Form):
    """Why it is put away; staff may leave it open."""

    reason = forms.CharField(
        label="Note",
        required=False,
        max_length=500,
        help_text="For your colleagues, in the buy's history. The buyer does not see it.",
        widget=forms.Textarea(attrs={"rows": 2}),
    )


class EndForm(forms.Form):
    """What the person saw, and why the buy ends."""

    shown_revision = forms.IntegerField(min_value=1, widget=forms.HiddenInput)
    reason = forms.CharField(
        label="Reason",
        max_length=500,
        help_text="The buyer reads this as it stands.",
        widget=forms.Textarea(attrs={"rows": 3}),
    )


@dataclass(frozen=True)
class Verb:
    """One thing that can be done to a buy, and how its page says so; `{}` is what it is done to."""

    title: str
    effect: str
    submit: str
    done: str
    permission: str
    service: Callable[..., MediaBuy]
    applies: Callable[[MediaBuy], bool]
    ends: bool = False


VERBS = {
    "archive": Verb(
        title="Archive {}?",
        effect="Puts it away: lists leave it out, and its Interchange status is ARCHIVED. Its AdCP"
        " status and its history stay as they are, and you can take it out again.",
        submit="Archive {}",
        done="{} put into the archive.",
        permission=ARCHIVE,
        service=media_buy_archive,
        applies=lambda buy: buy.status in TERMINAL_BUY_STATUSES and buy.archived_at is None,
    ),
    "unarchive": Verb(
        title="Take {} out of the archive?",
        effect="It is in the lists again, with the status that it had.",
        submit="Take {} out",
        done="{} taken out of the archive.",
        permission=ARCHIVE,
        service=media_buy_unarchive,
        applies=lambda buy: buy.archived_at is not None,
    ),
    "reject": Verb(
        title="Reject {}?",
        effect="Ends it before its flight has begun, for good. It is not booked any more, its"
        " creatives are free again, and the buyer is told with your reason.",
        submit="Reject {}",
        done="{} rejected; the buyer is told.",
        permission=END,
        service=media_buy_refuse,
        applies=lambda buy: buy.status in BUY_MOVES["reject"].sources,
        ends=True,
    ),
    "cancel": Verb(
        title="Cancel {}?",
        effect="Ends it for good, whatever has been delivered. Its creatives are free again, and"
        " the buyer is told with your reason.",
        submit="Cancel {}",
        done="{} canceled; the buyer is told.",
        permission=END,
        service=media_buy_stop,
        applies=lambda buy: buy.status in BUY_MOVES["cancel"].sources,
        ends=True,
    ),
}


class BuyActions(ReadOnlyAdmin):
    """The buttons of a buy's page and the actions of the list, each behind a page that asks."""

    actions = ("archive_selected", "unarchive_selected")
    actions_detail = ("archive_buy", "unarchive_buy", "reject_buy", "cancel_buy")

    def has_archive_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Whether this person puts away what is over."""
        return request.user.has_perm(ARCHIVE)

    def has_end_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Whether this person rejects and cancels what was sold."""
        return request.user.has_perm(END)

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """Show the buttons that this buy's status leaves."""
        allowed = super().get_actions_detail(request, object_id)
        buy = MediaBuy.objects.filter(pk=whole_number(str(object_id))).first()
        return [button for button in allowed if buy is not None and VERBS[button.path].applies(buy)]

    @action(description="Archive…", url_path="archive", permissions=["archive"])
    def archive_buy(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return _one(request, object_id, "archive")

    @action(description="Take out of the archive…", url_path="unarchive", permissions=["archive"])
    def unarchive_buy(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return _one(request, object_id, "unarchive")

    @action(description="Reject…", url_path="reject", permissions=["end"])
    def reject_buy(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return _one(request, object_id, "reject")

    @action(description="Cancel…", url_path="cancel", permissions=["end"])
    def cancel_buy(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return _one(request, object_id, "cancel")

    @admin.action(description="Archive…", permissions=["archive"])
    def archive_selected(
        self, request: HttpRequest, queryset: QuerySet[MediaBuy]
    ) -> HttpResponseRedirect:
        return _to_several(queryset, "archive")

    @admin.action(description="Take out of the archive…", permissions=["archive"])
    def unarchive_selected(
        self, request: HttpRequest, queryset: QuerySet[MediaBuy]
    ) -> HttpResponseRedirect:
        return _to_several(queryset, "unarchive")

    def get_urls(self) -> list[URLPattern]:
        """Add the pages that ask about several buys at once."""
        pages = [
            path(
                f"several/{verb}/",
                self.admin_site.admin_view(several),
                {"verb": verb},
                name=f"mediabuys_mediabuy_{verb}_several",
            )
            for verb in ("archive", "unarchive")
        ]
        return [*pages, *super().get_urls()]


def _in_words(buy: MediaBuy) -> str:
    flight = flight_in_words(buy.start_time, buy.end_time)
    return f"{in_words(buy.total_budget, buy.currency)} for {buy.account.name}, {flight}."


def _one(request: HttpRequest, object_id: str, name: str) -> HttpResponse:
    buy = MediaBuy.objects.filter(pk=whole_number(object_id)).first()
    if buy is None:
        raise Http404("There is no such media buy.")
    verb = VERBS[name]
    called = f"“{buy.brand_domain}”"
    status = buy.get_status_display().lower()
    form_class = EndForm if verb.ends else ArchiveForm
    return confirmed(
        request,
        says=Confirmation(
            title=verb.title.format(called),
            effect=f"{_in_words(buy)} {verb.effect}"
            if verb.applies(buy)
            else f"It is {status}: this cannot be done.",
            submit=verb.submit.format("this buy"),
            back=reverse("admin:mediabuys_mediabuy_change", args=[buy.pk]),
            done=verb.done.format(called),
            is_bad=verb.ends,
        ),
        form=form_class(request.POST or None, initial={"shown_revision": buy.revision}),
        act=lambda form: verb.service(
            media_buy_pk=buy.pk, actor=seller_of(request), now=timezone.now(), **form.cleaned_data
        ),
    )


def _to_several(buys: QuerySet[MediaBuy], name: str) -> HttpResponseRedirect:
    chosen = ",".join(str(pk) for pk in buys.values_list("pk", flat=True)[: SEVERAL + 1])
    return redirect(f"{reverse(f'admin:mediabuys_mediabuy_{name}_several')}?ids={chosen}")


def several(request: HttpRequest, verb: str) -> HttpResponse:
    """Ask about the buys in `ids`, and on POST do it to each in a transaction of its own.

    A buy that refuses is named with its reason, and the others go on.
    """
    asked = VERBS[verb]
    if not request.user.has_perm(asked.permission):
        raise PermissionDenied
    back = reverse("admin:mediabuys_mediabuy_changelist")
    named = map(whole_number, request.GET.get("ids", "").split(","))
    keys = [key for key in named if key is not None]
    buys = list(MediaBuy.objects.filter(pk__in=keys[:SEVERAL]).order_by("pk"))
    if not buys or len(keys) > SEVERAL:
        messages.warning(request, f"Choose between one and {SEVERAL} media buys.")
        return redirect(back)
    ready = sum(asked.applies(buy) for buy in buys)
    return confirmed(
        request,
        says=Confirmation(
            title=asked.title.format(_counted(len(buys))),
            effect=asked.effect
            if ready == len(buys)
            else f"{asked.effect} This can be done to {ready} of the {len(buys)} that you chose;"
            " the others stay as they are.",
            submit=asked.submit.format("them"),
            back=back,
            done="",
        ),
        form=ArchiveForm(request.POST or None),
        act=lambda form: _each(request, asked, buys, form.cleaned_data["reason"]),
    )


def _each(request: HttpRequest, verb: Verb, buys: list[MediaBuy], reason: str) -> str:
    done = 0
    for buy in buys:
        try:
            verb.service(
                media_buy_pk=buy.pk, actor=seller_of(request), reason=reason, now=timezone.now()
            )
        except TradeError as error:
            messages.warning(request, f"{buy}: {error.message}")
        else:
            done += 1
    return verb.done.format(_counted(done))


def _counted(buys: int) -> str:
    return f"{buys} media buy{'s' if buys != 1 else ''}"
