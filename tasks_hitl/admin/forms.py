"""The three forms of a decision; each carries what was shown and a token of its own."""

import uuid
from collections.abc import Mapping
from typing import Any

from django import forms

from tasks_hitl.states import RejectionReason

NOTE_LIMIT = 2000
SUGGESTION_LIMIT = 500


def _note_for_the_buyer(what: str) -> forms.CharField:
    return forms.CharField(
        label="Note for the buyer",
        max_length=NOTE_LIMIT,
        help_text=f"Goes to the buyer as it stands. {what}",
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": "Write a note that tells the buyer why."},
    )


class DecisionForm(forms.Form):
    """What every decision carries: what the decider saw, and which rendering of the form it is."""

    shown_digest = forms.CharField(max_length=64, widget=forms.HiddenInput)
    shown_version = forms.IntegerField(min_value=1, max_value=2**31 - 1, widget=forms.HiddenInput)
    form_token = forms.UUIDField(widget=forms.HiddenInput)
    internal_note = forms.CharField(
        required=False,
        max_length=NOTE_LIMIT,
        label="Note for colleagues",
        help_text="Stays in the history here. The buyer never sees it.",
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    field_order = ("reason_code", "note", "suggestion", "internal_note")

    @property
    def is_intact(self) -> bool:
        """Whether the parts that a person does not type arrived as they were sent."""
        return not {"shown_digest", "shown_version", "form_token"} & self.errors.keys()

    @classmethod
    def bound_to(
        cls, digest: str, version: int, *, words: Mapping[str, str] | None = None, **extra: Any
    ) -> "DecisionForm":
        """Return a form for what is shown now, with a fresh token; `words` are to begin with."""
        initial = {
            **(words or {}),
            "shown_digest": digest,
            "shown_version": version,
            "form_token": uuid.uuid4(),
        }
        return cls(initial=initial, **extra)


class ApproveForm(DecisionForm):
    """Approving needs nothing but the click."""


class RejectForm(DecisionForm):
    """Rejecting needs a reason for the buyer's agent and words for the buyer."""

    reason_code = forms.ChoiceField(
        label="Reason",
        choices=[("", "Choose a reason…"), *RejectionReason.choices],
        help_text="The buyer's agent reads this as a code and acts on it.",
        error_messages={"required": "Choose a reason for the rejection."},
    )
    note = _note_for_the_buyer("Say what would make the order acceptable.")


class AskForm(DecisionForm):
    """Asking for a change needs words for the buyer, and what it should send instead."""

    reason_code = forms.ChoiceField(
        label="What it is about",
        required=False,
        choices=[("", "None of these"), *RejectionReason.choices],
        help_text="The buyer's agent reads this as a code and acts on it.",
    )
    note = _note_for_the_buyer("Say what is in the way.")
    suggestion = forms.CharField(
        label="What to send instead",
        max_length=SUGGESTION_LIMIT,
        help_text="The buyer's agent reads this as its next step, such as other dates or a price.",
        widget=forms.Textarea(attrs={"rows": 2}),
        error_messages={"required": "Say what the buyer should send instead."},
    )
