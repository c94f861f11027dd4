"""Keys: made once, never replaced, told apart by fingerprint, never shown."""

from pathlib import Path

import pytest

from lakehouse.errors import KeyMissingError, SettingsError
from lakehouse.keyring import KEY_NAMES, create_keys, derive_key, fingerprint_of, read_key


def test_keys_are_distinct_and_private(tmp_path: Path) -> None:
    fingerprints = create_keys(tmp_path / "keys")
    keys = [read_key(tmp_path / "keys", name, fingerprints) for name in KEY_NAMES]
    assert len(set(keys)) == len(KEY_NAMES)
    assert all((tmp_path / "keys" / f"{name}.key").stat().st_mode & 0o077 == 0 for name in KEY_NAMES)


def test_key_is_never_overwritten(tmp_path: Path) -> None:
    create_keys(tmp_path)
    before = (tmp_path / "raw.key").read_text()
    with pytest.raises(SettingsError):
        create_keys(tmp_path)
    assert (tmp_path / "raw.key").read_text() == before


@pytest.mark.parametrize(
    "content", [None, "", "not hex", "00" * 32, "00" * 31], ids=["gone", "empty", "text", "other", "short"]
)
def test_wrong_key_stops_and_names_the_fingerprint_only(tmp_path: Path, content: str | None) -> None:
    fingerprints = create_keys(tmp_path)
    path = tmp_path / "lake.key"
    secret = path.read_text().strip()
    if content is None:
        path.unlink()
    else:
        path.write_text(content)
    with pytest.raises(KeyMissingError, match=fingerprints["lake"]) as caught:
        read_key(tmp_path, "lake", fingerprints)
    assert secret not in str(caught.value)
    assert caught.value.exit_code == 16


def test_derived_keys_follow_rfc_5869() -> None:
    # HKDF-SHA256 without salt, one block: worked out with hmac alone
    import hashlib
    import hmac

    extracted = hmac.new(b"\x00" * 32, b"k" * 32, hashlib.sha256).digest()
    expected = hmac.new(extracted, b"release\x1falpha\x01", hashlib.sha256).digest()
    assert derive_key(b"k" * 32, "release", "alpha") == expected
    assert fingerprint_of(expected) != fingerprint_of(b"k" * 32)
