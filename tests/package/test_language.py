"""The template of texts is that of the program."""

import re

import pytest
from melmill._convert import language
from melmill._convert.language import (
    has_template,
    language_name,
    with_template,
)
from support import REPOSITORY


def test_names_and_codes_are_the_programs() -> None:
    source = (REPOSITORY / "io/manifest/language.cc").read_text()
    names, codes = source.split("kCodes[] =")
    found = re.findall(r'"(\w+)"', names.split("kNames = {")[1])
    assert tuple(found) == language._NAMES
    pairs = re.findall(r'\{"([\w-]+)", "(\w+)"\}', codes)
    assert dict(pairs) == language._CODES
    assert len(pairs) > 30


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("english", "English"),
        ("en", "English"),
        ("EN_us", "English"),
        ("zh-HK", "Cantonese"),
        ("zh-TW", "Chinese"),
        ("zh-hkx", "Chinese"),
        ("fil", "Filipino"),
        ("fils", ""),
        ("none", "None"),
        ("Swahili", "Swahili"),
        ("Min (Nan)", "Min (Nan)"),
        ("swahili", ""),
        ("Ünglish", ""),
        ("X" * 64, "X" * 64),
        ("X" * 65, ""),
        ("", ""),
    ],
)
def test_names_are_found(given: str, name: str) -> None:
    assert language_name(given) == name


@pytest.mark.parametrize(
    ("text", "has"),
    [
        ("language English<asr_text>hi", True),
        ("\tLANGUAGE english <asr_text>", True),
        ("language" + "x" * 65 + "<asr_text>", True),
        ("language" + "x" * 66 + "<asr_text>", False),
        ("language<ASR_TEXT>", False),
        ("hello", False),
        ("", False),
    ],
)
def test_a_template_stays_alone(text: str, has: bool) -> None:
    assert has_template(text) is has
    made = with_template(text, "French")
    assert made == (text if has else f"language French<asr_text>{text}")
