"""A page that says what will happen and does it on POST only."""

from collections.abc import Callable
from dataclasses import dataclass

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from mediabuys.admin.page import desk_page, refusal_in_words
from mediabuys.errors import TradeError

CONFLICT = 409


@dataclass(frozen=True)
class Confirmation:
    """What the page says; `back` is where it leads when it is done or left."""

    title: str
    effect: str
    submit: str
    back: str
    done: str
    is_bad: bool = False


def confirmed(
    request: HttpRequest,
    *,
    says: Confirmation,
    form: forms.Form,
    act: Callable[[forms.Form], object],
) -> HttpResponse:
    """Show the page, or on a valid POST call `act` and go back with what it says, or `done`.

    A refusal of the service is shown on the page in its own words, with status 409.
    """
    status = 200
    if request.method == "POST" and form.is_valid():
        try:
            said = act(form)
        except TradeError as error:
            form.add_error(None, refusal_in_words(error))
            status = CONFLICT
        else:
            messages.success(request, said if isinstance(said, str) else says.done)
            return redirect(says.back)
    context = {"title": says.title, "says": says, "form": form}
    return desk_page(request, "desk/confirm_action.html", context, status=status)
