"""Form fields in which a salesperson types what the tables keep as JSON."""

from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminTextInputWidget

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
