"""Form fields in which a salesperson types what the tables keep as JSON."""

from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminTextInputWidget

from webhooks.addresses import check_registrable
from webhooks.errors import DestinationRefused

# The channels of AdCP 3.1.
CHANNELS = (
    ("display", "Display"),
    ("olv", "Online video"),
    ("social", "Social"),
    ("search", "Search"),
    ("ctv", "CTV"),
    ("linear_tv", "Linear TV"),
    ("radio", "Radio"),
    ("streaming_audio", "Streaming audio"),
    ("podcast", "Podcast"),
    ("dooh", "Digital out of home"),
    ("ooh", "Out of home"),
    ("print", "Print"),
    ("cinema", "Cinema"),
    ("email", "E-mail"),
    ("gaming", "Gaming"),
    ("retail_media", "Retail media"),
    ("influencer", "Influencer"),
    ("affiliate", "Affiliate"),
    ("product_placement", "Product placement"),
    ("sponsored_intelligence", "Sponsored intelligence"),
)


class WordsField(forms.Field):
    """A list of words, typed with commas between them."""

    widget = UnfoldAdminTextInputWidget

    def prepare_value(self, value: Any) -> Any:
        """Show a stored list as it is typed."""
        return ", ".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> list[str]:
        """Return the words without the spaces around them, each once."""
        words = (word.strip() for word in str(value or "").split(","))
        return list(dict.fromkeys(word for word in words if word))

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Compare lists, so that another spacing is no change."""
        return (initial or []) != self.to_python(data)


class CountriesField(WordsField):
    """Two-letter country codes."""

    def to_python(self, value: Any) -> list[str]:
        """Return upper-case codes, or refuse what is not one."""
        codes = [word.upper() for word in super().to_python(value)]
        wrong = [code for code in codes if len(code) != 2 or not code.isalpha()]
        if wrong:
            raise forms.ValidationError(
                f"{', '.join(wrong)}: write two-letter country codes, such as US, DE."
            )
        return codes


class GovernanceAgentField(forms.Field):
    """The address of an account's one governance agent; AdCP knows at most one of an account."""

    widget = UnfoldAdminTextInputWidget

    def prepare_value(self, value: Any) -> Any:
        """Show the stored list as the one address in it."""
        return "".join(agent["url"] for agent in value[:1]) if isinstance(value, list) else value

    def to_python(self, value: Any) -> list[dict[str, str]]:
        """Return the list that the protocol knows, or refuse what is no public https address."""
        url = str(value or "").strip()
        if not url:
            return []
        try:
            return [{"url": check_registrable(url, allow_private=False).url}]
        except DestinationRefused as refused:
            raise forms.ValidationError(str(refused)) from refused

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Compare addresses, so that a space beside one is no change."""
        return self.prepare_value(initial or []) != str(data or "").strip()
