"""The template of the texts that Qwen3-ASR is trained on.

The same rules as the program's io/manifest/language.cc.
"""

import re

_NAMES = (
    *("Chinese", "English", "Cantonese", "Arabic", "German", "French"),
    *("Spanish", "Portuguese", "Indonesian", "Italian", "Korean", "Russian"),
    *("Thai", "Vietnamese", "Japanese", "Turkish", "Hindi", "Malay", "Dutch"),
    *("Swedish", "Danish", "Finnish", "Polish", "Czech", "Filipino"),
    *("Persian", "Greek", "Romanian", "Hungarian", "Macedonian", "None"),
)

# What Common Voice calls zh-HK is Cantonese.
_CODES = {
    "zh-hk": "Cantonese",
    "zh": "Chinese",
    "en": "English",
    "yue": "Cantonese",
    "ar": "Arabic",
    "de": "German",
    "fr": "French",
    "es": "Spanish",
    "pt": "Portuguese",
    "id": "Indonesian",
    "it": "Italian",
    "ko": "Korean",
    "ru": "Russian",
    "th": "Thai",
    "vi": "Vietnamese",
    "ja": "Japanese",
    "tr": "Turkish",
    "hi": "Hindi",
    "ms": "Malay",
    "nl": "Dutch",
    "sv": "Swedish",
    "da": "Danish",
    "fi": "Finnish",
    "pl": "Polish",
    "cs": "Czech",
    "tl": "Filipino",
    "fil": "Filipino",
    "fa": "Persian",
    "el": "Greek",
    "ro": "Romanian",
    "hu": "Hungarian",
    "mk": "Macedonian",
}
_BY_LOWER_NAME = {name.lower(): name for name in _NAMES}

_NAME = re.compile(r"[A-Z][A-Za-z '()-]{0,63}")
_MEANT = re.compile(r"[ \t]*(?i:language).{0,65}?<asr_text>", re.S)


def language_name(name_or_code: str) -> str:
    """The {Name} of the template for a name or a code.

    Takes a name in any case ("english"), a code of ISO 639 of one of the
    model's languages ("en", "en-US"), and any other text that can be a {Name}.

    Returns:
      "" if there is none.
    """
    if len(name_or_code.encode(errors="replace")) > 64:
        return ""
    code = name_or_code.lower().replace("_", "-")
    if name := _BY_LOWER_NAME.get(code):
        return name
    for known, name in _CODES.items():
        if code == known or code.startswith(f"{known}-"):
            return name
    return name_or_code if _NAME.fullmatch(name_or_code) else ""


def with_template(text: str, name: str) -> str:
    """The text in the template.

    One that has the template stays as it is, and so does one that seems to be
    meant to have it.
    """
    return text if has_template(text) else f"language {name}<asr_text>{text}"


def has_template(text: str) -> bool:
    """Whether a text has the template, or seems to be meant to have it."""
    return _MEANT.match(text) is not None
