"""Which arguments are places of stores."""

import pytest
from melmill._remote.command_line import UsageError
from melmill._transfer.store_url import StoreUrl, is_url


@pytest.mark.parametrize(
    ("text", "bucket", "prefix"),
    [
        ("s3://b/x", "b", "x/"),
        ("s3://b/x/", "b", "x/"),
        ("S3://b.c/x/y z", "b.c", "x/y z/"),
        ("s3://b", "b", ""),
        ("s3://b/", "b", ""),
        ("s3://b/x?y#z", "b", "x?y#z/"),
    ],
)
def test_places_have_bucket_and_prefix(
    text: str, bucket: str, prefix: str
) -> None:
    url = StoreUrl.parse(text)
    assert (url.bucket, url.prefix) == (bucket, prefix)
    assert url.key("plan.h5") == f"{prefix}plan.h5"
    assert StoreUrl.parse(str(url)) == url


@pytest.mark.parametrize(
    "text",
    [
        *("", "x", "/x", "s3:/b/x", "gs://b/x", "https://b.s3.amazonaws.com/x"),
        *("s3://", "s3:///x", "s3://b//x", "s3://b/x//y"),
        *("s3://b c/x", "s3://b/\n", "s3://b/\udcff"),
    ],
)
def test_other_texts_are_errors(text: str) -> None:
    with pytest.raises(UsageError) as error:
        StoreUrl.parse(text)
    str(error.value).encode()


def test_urls_and_folders_are_told_apart() -> None:
    assert all(map(is_url, ("s3://b/x", "s3:/b/x", "https://x", "gs://b")))
    assert not any(map(is_url, ("x", "/x", "./s3", "a:b", "s3")))
