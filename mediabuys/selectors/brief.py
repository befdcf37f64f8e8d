"""What a buyer's brief says about our catalog, by plain words: no model, nothing executed."""

import re

WORD = re.compile(r"[a-z][a-z0-9]+")
BRIEF_LIMIT_CHARACTERS = 4000
NAMED_WORDS_LIMIT = 6

# How buyers speak of the channels that the catalog names in the protocol's terms.
CHANNEL_WORDS = {
    "tv": "ctv",
    "television": "ctv",
    "streaming": "ctv",
    "ott": "ctv",
    "video": "olv",
    "preroll": "olv",
    "banner": "display",
    "banners": "display",
    "native": "display",
    "audio": "streaming_audio",
    "radio": "streaming_audio",
    "podcasts": "podcast",
}
# Words of every brief that say nothing about a product.
EMPTY_WORDS = frozenset(
    WORD.findall(
        """
        ad ads advertise advertising an and any are as at be brand budget buy buyers buying by
        campaign campaigns can cpm for from get have in inventory is it launch looking media month
        need of on or our people placement placements please premium product products promote
        reach run some that the their this to us usd want we week who with you your
        """
    )
)


def search_words(brief: str) -> str:
    """Return the brief's telling words, with the channels that they mean, for a text search."""
    words = _words(brief)
    channels = [CHANNEL_WORDS[word] for word in words if word in CHANNEL_WORDS]
    return " ".join([*words, *channels])


def named_words(brief: str, text: str) -> list[str]:
    """Return the brief's words, and the channels that they mean, that `text` contains."""
    ours = {stem(word) for word in WORD.findall(text.lower().replace("_", " "))}
    named = []
    for word in _words(brief):
        meant = CHANNEL_WORDS.get(word, word)
        parts = {stem(part) for part in meant.split("_")}
        if (stem(word) in ours or parts <= ours) and word not in named:
            named.append(word)
    return named[:NAMED_WORDS_LIMIT]


def _words(brief: str) -> list[str]:
    words = WORD.findall(brief[:BRIEF_LIMIT_CHARACTERS].lower())
    return [word for word in words if word not in EMPTY_WORDS]


def stem(word: str) -> str:
    """Return the word without the ending of its plural."""
    for ending in ("ies", "es", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)] + ("y" if ending == "ies" else "")
    return word
