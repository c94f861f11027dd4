"""Reads and writes `site.yml`, the settings of one home; validates them at the edge."""

import os
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lakehouse import PROJECT_ROOT
from lakehouse.errors import SettingsError

SITE_FILE = "site.yml"


class Settings(BaseModel):
    """Everything a hospital decides about its home."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    hospital: str = "示例医院"
    timezone: str = "Asia/Shanghai"
    synthetic: bool = False
    """Set once by `init --synthetic`: no real patient will ever be in this home."""
    keys: dict[str, str] = Field(default_factory=dict)
    """Key name to fingerprint, written by `init`."""
    deliveries: Path = Path("deliveries")
    """Folder in which the hospital's systems leave their extracts; relative to the home."""
    sources: list[Path] = Field(default_factory=list)
    """Mapping YAMLs; all of config/sources when empty."""
    dicom_folders: list[Path] = Field(default_factory=lambda: [Path("dicom")])
    """Folders of images, relative to `deliveries`."""
    ai_folders: list[Path] = Field(default_factory=lambda: [Path("ai")])
    may_be_empty: list[str] = Field(default_factory=list)
    """Mart tables this hospital may release without a row, such as AI findings where there is no AI."""
    keep_snapshots_days: int = Field(default=7, ge=0)
    """How long earlier states of the zones can be read; their files are deleted afterwards."""
    threads: int = Field(default=2, ge=1)
    memory_limit: str = "4GB"
    home: Path = Field(default=Path(), exclude=True)

    def resolve(self, folder: Path) -> Path:
        """Return a folder of the settings as an absolute path."""
        return folder if folder.is_absolute() else self.home / folder

    @property
    def deliveries_folder(self) -> Path:
        """Return the absolute folder of deliveries."""
        return self.resolve(self.deliveries)

    @property
    def work_folder(self) -> Path:
        """Return the folder of temporary files; it is emptied before and after each step that uses it."""
        return self.home / "work"

    @property
    def source_files(self) -> list[Path]:
        """Return the mapping YAMLs in their order."""
        if self.sources:
            return [self.resolve(source) for source in self.sources]
        return sorted((PROJECT_ROOT / "config" / "sources").glob("*.yml"))


def find_home(home: Path | None) -> Path:
    """Return the home asked for, or that of RADLAKE_HOME, of ./site.yml, or ./home."""
    if home is not None:
        return home.resolve()
    if os.environ.get("RADLAKE_HOME"):
        return Path(os.environ["RADLAKE_HOME"]).resolve()
    if Path(SITE_FILE).is_file():
        return Path().resolve()
    return (PROJECT_ROOT / "home").resolve()


def read_settings(home: Path) -> Settings:
    """Read the settings of a home.

    Raises SettingsError when site.yml is missing or wrong, naming the field.
    """
    path = home / SITE_FILE
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except FileNotFoundError as error:
        raise SettingsError(f"{path} is missing: make the home with `radlake init --home {home}`") from error
    except (OSError, yaml.YAMLError) as error:
        raise SettingsError(f"{path} cannot be read as YAML: {type(error).__name__}") from error
    try:
        return Settings(**content).model_copy(update={"home": home})
    except ValidationError as error:
        fields = ", ".join(".".join(str(part) for part in item["loc"]) + f" ({item['msg']})" for item in error.errors())
        raise SettingsError(f"{path}: {fields}") from error
    except TypeError as error:
        raise SettingsError(f"{path} must hold settings by name") from error


def write_settings(settings: Settings) -> Path:
    """Write site.yml of a new home and return its path."""
    path = settings.home / SITE_FILE
    content = settings.model_dump(mode="json", exclude_defaults=False)
    path.write_text(
        "# Settings of this radlake home; every field is described in config/site.example.yml\n"
        + yaml.safe_dump(content, allow_unicode=True, sort_keys=False),
        encoding="utf-8",
    )
    return path
