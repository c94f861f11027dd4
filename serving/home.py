"""Makes a new home: folders, keys, settings and the two empty zones."""

from pathlib import Path

from lakehouse.errors import SettingsError
from lakehouse.keyring import create_keys
from lakehouse.lake import create_zones
from lakehouse.settings import SITE_FILE, Settings, write_settings

FOLDERS = ("raw", "lake", "work", "logs", "reports", "releases")


def create_home(home: Path, *, synthetic: bool, deliveries: Path | None = None) -> Settings:
    """Make a home with its own keys and return its settings.

    Raises SettingsError when the folder is a home already.
    """
    if (home / SITE_FILE).exists():
        raise SettingsError(f"{home} is a home already; its keys and data stay as they are")
    for name in FOLDERS:
        (home / name).mkdir(mode=0o700, parents=True, exist_ok=True)
    fingerprints = create_keys(home / "keys")
    settings = Settings(synthetic=synthetic, keys=fingerprints, home=home)
    if deliveries is not None:
        settings = settings.model_copy(update={"deliveries": deliveries.resolve()})
    create_zones(settings)
    # last, so that a home that was not finished is not taken for one
    write_settings(settings)
    return settings
