"""Which audio strings are URLs, and what their copies are called."""

import pytest
from melmill._remote.url_text import UrlError, printable, without_secrets
from melmill._stage.audio_url import AudioUrl, parse_url


def parsed(text: str) -> AudioUrl:
    url = parse_url(text)
    assert url is not None
    return url


@pytest.mark.parametrize(
    "text",
    ["clips/a.wav", "/data/a.wav", "./s3/a.wav", "a:b.wav", "C:\\a.wav", "//a"],
)
def test_paths_are_no_urls(text: str) -> None:
    assert parse_url(text) is None


@pytest.mark.parametrize(
    ("text", "scheme"),
    [
        ("s3://bucket/a.wav", "s3"),
        ("s3://arn:aws:s3:eu-west-1:1:accesspoint/x/a.wav", "s3"),
        ("gs://bucket/a b/ä.wav", "gs"),
        ("https://x.org/a.wav?token=1#x", "https"),
        ("HTTP://user:word@x.org:80/?id=3", "http"),
        ("https://[::1]:8080/a.wav", "https"),
        ("hf://datasets/owner/name/a.wav", "hf"),
        ("hf://datasets/owner/name@main/x/a.wav", "hf"),
    ],
)
def test_urls_have_a_scheme(text: str, scheme: str) -> None:
    url = parsed(text)
    assert url.scheme == scheme
    assert url.text.startswith(f"{scheme}://")
    assert url.text.lower() == text.lower()


@pytest.mark.parametrize(
    "text",
    [
        *("s3:/bucket/a.wav", "https:x.org/a.wav", "S3:bucket"),
        *("s3://", "s3://bucket", "s3://bucket/", "s3:///a.wav"),
        *("gs://a bucket/a.wav", "gs://bucket//"),
        *("https://", "https:///a.wav", "https://[::1/a.wav"),
        *("https://x.org:port/a.wav", "https://x.org:99999/a.wav"),
        *("https://x org/a.wav", "https://x.org/a\nb.wav", "s3://b/a\x7f.wav"),
        *("s3://bucket/\ud800.wav", "hf://", "hf://datasets/name"),
    ],
)
def test_malformed_urls_are_errors(text: str) -> None:
    with pytest.raises(UrlError) as error:
        parse_url(text)
    assert error.value.code == "bad_url"


@pytest.mark.parametrize(
    "text", ["ftp://x.org/a.wav", "file:///a.wav", "simplecache::s3://b/a.wav"]
)
def test_other_schemes_are_errors(text: str) -> None:
    if "::" in text:
        assert parse_url(text) is None  # a path, which nobody will find
        return
    with pytest.raises(UrlError) as error:
        parse_url(text)
    assert error.value.code == "unknown_scheme"
    assert "s3, gs, https, http, hf" in str(error.value)


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("s3://bucket/x/clip-1.flac", "-clip-1.flac"),
        ("https://x.org/d/a%20b.WAV?x=/y.mp3", "-a_b.WAV"),
        ("https://x.org/get?id=3", "-get"),
        ("https://x.org", "-"),
        ("https://x.org/..%2F..%2Fetc%2Fpasswd", "-passwd"),
        ("https://x.org/a/..", "-_"),
        ("s3://bucket/../../../etc/passwd", "-passwd"),
        ("s3://bucket/a\\..\\b.wav", "-a_b.wav"),
        ("s3://bucket/a.tar.gz", "-a_tar.gz"),
        ("s3://bucket/-rf.wav", "--rf.wav"),
        ("s3://bucket/.wav", "-_wav"),
        ("s3://bucket/語.ogg", "-_.ogg"),
        ("s3://bucket/a.not an extension", "-a"),
        ("s3://bucket/" + "x" * 5000 + ".wav", "-" + "x" * 60 + ".wav"),
    ],
)
def test_names_of_copies_are_safe(text: str, end: str) -> None:
    name = parsed(text).local_name
    folder, _, file = name.partition("/")
    digest = parsed(text).digest.hex()
    assert (folder, file) == (digest[:3], digest[3:] + end)


def test_each_url_has_a_name_of_its_own() -> None:
    urls = [
        f"{scheme}://x/{folder}/{name}{query}"
        for scheme in ("s3", "gs", "https", "http")
        for folder in ("a/a", "b", "B", "a%2Fa", "a//a")
        for name in ("1.wav", "1.WAV", "1_.wav", "1-.wav", "1 .wav")
        for query in ("", "?x=1", "?x=2", "#1")
    ]
    names = {parsed(url).local_name.lower() for url in urls}
    assert len(names) == len(urls)


def test_copies_are_in_4096_folders() -> None:
    names = [parsed(f"s3://b/{i}.wav").local_name for i in range(100_000)]
    folders = [name[:3] for name in names]
    assert len(set(folders)) == 4096
    assert max(map(folders.count, set(folders[:50]))) < 100


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://u:word@x.org/a.wav", "https://x.org/a.wav"),
        ("https://u:w@rd@x.org/a.wav", "https://x.org/a.wav"),
        ("https://x.org/a.wav?X-Amz-Signature=word", "https://x.org/a.wav?…"),
        ("https://x.org/a.wav#word\n", "https://x.org/a.wav?…"),
        ("https://x.org/\x1b[2J\ud800", "https://x.org/\ufffd[2J?"),
        ("https://x.org/" + "a" * 500, "https://x.org/" + "a" * 186 + "…"),
    ],
)
def test_what_is_shown_has_no_secrets(url: str, shown: str) -> None:
    assert printable(url) == shown
    assert "word" not in printable(url)


def test_messages_have_no_secrets() -> None:
    text = "403\n url='https://u:word@x.org/a?key=word', HTTP://x/?word\x1b"
    assert without_secrets(text) == "403  url='https://x.org/a?…', HTTP://x/?…"
