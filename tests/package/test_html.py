"""A notebook shows what one wants to see, whatever the texts hold."""

import base64
import html.parser
import io
import re
from pathlib import Path

import melmill
import numpy as np
import pytest
from PIL import Image
from support import extract, manifest_row, noise, write_manifest, write_wav

TEXT = "language English<asr_text>a <b>bold</b> & 'word'"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> melmill.Store:
    folder = tmp_path_factory.mktemp("html")
    rows = []
    for number in range(7):
        write_wav(folder / f"{number}.wav", noise(16_000 * (number + 1)))
        row = manifest_row(f"{number}.wav", TEXT)
        rows.append(row | {"speaker": "<i>", "prompt": "names"})
    write_manifest(folder / "train.jsonl", rows)
    write_manifest(folder / "eval.jsonl", rows[:1])
    manifests = ("train.jsonl", "eval.jsonl", "--keep", "speaker")
    extract(folder / "store", *manifests, cwd=folder)
    return melmill.open(folder / "store")


class Cells(html.parser.HTMLParser):
    """The tags and the texts of a document."""

    def __init__(self, document: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.texts: list[str] = []
        self.feed(document)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.add(tag)

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def cells(shown: object) -> Cells:
    return Cells(shown._repr_html_())  # type: ignore[attr-defined]


def test_a_row_shows_its_facts_and_its_spectrogram(
    store: melmill.Store,
) -> None:
    row = store["train"][2]
    shown = cells(row)
    assert shown.tags == {"p", "b", "table", "tr", "td", "img"}
    assert {"2.wav", "3.00 s, 300 frames", "English"} <= set(shown.texts)
    assert {"a <b>bold</b> & 'word'", "names", "<i>"} <= set(shown.texts)
    (picture,) = re.findall('base64,([^"]+)', row._repr_html_())
    image = Image.open(io.BytesIO(base64.b64decode(picture)))
    assert image.size == (300, 128)


def test_a_split_shows_its_first_rows(store: melmill.Store) -> None:
    shown = cells(store["train"])
    assert shown.tags == {"p", "b", "table", "tr", "th", "td"}
    assert "Split train: 7 rows, 0.01 h" in shown.texts
    assert "1.00 to 7.00 s, median 4.00 s" in shown.texts
    assert "4.wav" in shown.texts
    assert "5.wav" not in shown.texts
    assert "and 2 more" in shown.texts


def test_texts_are_on_the_left_and_numbers_on_the_right(
    store: melmill.Store,
) -> None:
    shown = store["train"]._repr_html_()
    left, right = (
        set(re.findall(rf'align: {side}">([^<]*)<', shown))
        for side in ("left", "right")
    )
    assert {"audio", "4.wav", "transcript", "English"} <= left
    assert right == {"row", "seconds", *map(str, range(5))} | {
        f"{number}.00" for number in range(1, 6)
    }
    assert "right" not in store["train"][0]._repr_html_()


def test_chosen_rows_show_themselves(store: melmill.Store) -> None:
    shown = cells(store["train"][[6, 4]])
    assert "Rows of split train: 2 rows, 0.00 h" in shown.texts
    assert "5.00 to 7.00 s, median 6.00 s" in shown.texts
    assert {"6.wav", "4.wav"} <= set(shown.texts)
    assert "0 rows" in store["train"][[]]._repr_html_()


def test_a_store_shows_its_splits(store: melmill.Store) -> None:
    shown = cells(store)
    assert "128 mels of 16,000 Hz, f16" in shown.texts
    assert {"train", "7", "eval", "1"} <= set(shown.texts)
    assert str(Path(store.name)) in shown.texts[0]


def test_reprs_say_what_is_there(store: melmill.Store) -> None:
    train = store["train"]
    assert repr(train) == "<melmill split 'train' of 7 rows, 0.01 h>"
    assert repr(train[1:3]) == f"<2 rows of {train!r}>"
    assert repr(train[np.arange(3)]) == f"<3 rows of {train!r}>"
    assert repr(train[2]) == (
        "<melmill row 2 of split 'train': 2.wav, 3.00 s, English, "
        "\"a <b>bold</b> & 'word'\">"
    )
