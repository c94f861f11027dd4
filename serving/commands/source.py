"""source profile, source check."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer

from lakehouse.errors import ContractError, RadlakeError, UsageError
from serving.terminal import HomeOption, JsonOption, as_plain, open_home, print_json, print_table, stderr

app = typer.Typer(help="来源接入 Sources.", no_args_is_help=True)


@app.command("profile")
def source_profile(
    files: Annotated[list[Path], typer.Argument(help="Delivered files.")],
    source: Annotated[
        str | None, typer.Option("--source", help="Source the files belong to; guessed without it.")
    ] = None,
    entity: Annotated[str | None, typer.Option("--entity", help="Raw table they fill; guessed without it.")] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Mapping YAML to write.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Draft a mapping from delivered files: form, columns, codes, with reasons. 来源画像。"""
    from ingestion.onboarding.draft import draft_mapping
    from ingestion.onboarding.profile import FileProfile, profile_file

    profiles: list[FileProfile] = []
    refused: list[tuple[int, RadlakeError]] = []
    for number, path in enumerate(files, start=1):
        try:
            profiles.append(profile_file(path, source, entity))
        except RadlakeError as error:
            refused.append((number, error))
        except OSError as error:
            raise UsageError(f"file {number} cannot be read ({type(error).__name__}): name an existing file") from error
    by_source: dict[str, list[FileProfile]] = {}
    for profile in profiles:
        by_source.setdefault(profile.guess.source if profile.guess else "", []).append(profile)
    drafts = {name: draft_mapping(name, found) for name, found in sorted(by_source.items())}
    written = _write_drafts(drafts, out) if out else []
    for number, refusal in refused:
        stderr.print(f"file {number}: {refusal}", markup=False, highlight=False, soft_wrap=True)
    if as_json:
        print_json({"files": [shown_profile(profile) for profile in profiles], "drafts": drafts, "written": written,
                    "refused": [{"file_no": number, "reason": str(error)} for number, error in refused]})  # fmt: skip
    elif not out:
        typer.echo("---\n".join(drafts.values()), nl=False)
    else:
        print_table("radlake source profile", ["written"], [[path] for path in written])
    if refused and not profiles:
        raise refused[0][1]


def _write_drafts(drafts: dict[str, str], out: Path) -> list[str]:
    """Write one YAML a source: a mapping has one source, so several get its name before the suffix."""
    paths = {name: out if len(drafts) == 1 else out.with_name(f"{out.stem}.{name}{out.suffix}") for name in drafts}
    for name, path in paths.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(drafts[name], encoding="utf-8")
    return [str(path) for path in paths.values()]


@app.command("check")
def source_check(
    mapping_file: Annotated[Path, typer.Argument(metavar="FILE.yml", help="Mapping YAML.")],
    folder: Annotated[Path, typer.Option("--from", help="Folder of deliveries.")],
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what a mapping would do with a folder of deliveries; nothing is written. 接入检查。

    With --home, what that home holds already counts as unchanged; without, the check starts from an empty lake that
    is thrown away.
    """
    from ingestion.mapping import read_mapping
    from ingestion.onboarding.check import check_mapping

    mapping = read_mapping(mapping_file)
    check = check_mapping(mapping_file, mapping, folder)
    result = _what_if(mapping, folder, home)
    answer = as_plain(check)
    answer["problems"].sort(
        key=lambda item: (("error", "warn", "info").index(item["severity"]), item["line"], item["file"])
    )
    answer["what_if"] = as_plain(result)
    answer["breaches"] = result.breaches
    answer["ok"] = not (check.is_broken or result.breaches)
    if as_json:
        print_json(answer)
    else:
        _print_check(mapping_file, answer)
    if not answer["ok"]:
        errors = sum(item["severity"] == "error" for item in answer["problems"])
        raise ContractError(
            f"{mapping_file}: the contract would break in {errors} places, {len(result.breaches)} files or tables "
            "would be held: see the lines marked error"
        )


def _what_if(mapping: Any, folder: Path, home: Path | None) -> Any:
    """Run the pipeline over the folder without writing, in a home of the user's or in one that is thrown away."""
    from ingestion.pipeline import ingest_source
    from lakehouse.lake import create_raw_tables, lock_home, open_lake
    from serving.home import create_home

    if home is not None:
        settings = open_home(home)
        with lock_home(settings):
            return ingest_source(settings, mapping, folder, what_if=True)
    with TemporaryDirectory(prefix="radlake_check_") as temporary:
        settings = create_home(Path(temporary) / "home", synthetic=True)
        with open_lake(settings) as connection:
            create_raw_tables(connection, [mapping.source, "ledger"])
        return ingest_source(settings, mapping, folder, what_if=True)


def _print_check(mapping_file: Path, answer: dict[str, Any]) -> None:
    print_table(
        f"radlake source check: {mapping_file}",
        ["file", "entity", "rows", "columns", "missing", "unknown", "quarantined", "encoding"],
        [
            [
                file["file"], file["entity"], file["rows"], len(file["columns_found"]),
                " ".join(file["columns_missing"]),
                " ".join(file["columns_unknown"]), " ".join(f"{k} {v}" for k, v in file["rejected"].items()),
                file["encoding"],
            ]
            for file in answer["files"]
        ],
    )  # fmt: skip
    kinds: dict[str, int] = {}
    for file in answer["what_if"]["files"]:
        for kind, count in file.get("issues", {}).items():
            kinds[kind] = kinds.get(kind, 0) + count
    if kinds:
        print_table(
            "defects that would be found", ["kind", "n"], [[kind, count] for kind, count in sorted(kinds.items())]
        )
    if answer["problems"]:
        print_table(
            "problems",
            ["severity", "line", "file", "column", "problem", "remedy"],
            [
                [item[name] for name in ("severity", "line", "file", "column", "problem", "remedy")]
                for item in answer["problems"]
            ],
        )
    for breach in answer["breaches"]:
        stderr.print(breach, markup=False, highlight=False, soft_wrap=True)
    if answer["unmatched_files"]:
        names = ", ".join(f"{name} ({count})" for name, count in answer["unmatched_files"].items())
        total = sum(answer["unmatched_files"].values())
        text = f"{total} files match no entry of this mapping: {names}"
        stderr.print(text, markup=False, highlight=False, soft_wrap=True)


def shown_profile(profile: Any) -> dict[str, Any]:
    """Return a profile as --json prints it."""
    from ingestion.onboarding.draft import describe, glob_of

    layout = profile.sniffed.layout
    return {
        "match": glob_of(profile.path.name),
        "format": layout.format,
        "layout": layout.model_dump(exclude_defaults=True, mode="json"),
        "encoding": profile.sniffed.encoding,
        "encoding_confidence": profile.sniffed.confidence,
        "source": profile.guess.source if profile.guess else None,
        "entity": profile.guess.entity if profile.guess else None,
        "score": profile.guess.score if profile.guess else None,
        "rows": profile.rows,
        "dropped": profile.dropped,
        "rejected": profile.rejected,
        "columns": [
            {
                "name": match.profile.name,
                "column": match.chosen.column if match.chosen else None,
                "score": round(match.chosen.score, 3) if match.chosen else None,
                "reasons": list(match.chosen.reasons) if match.chosen else [],
                "others": [{"column": other.column, "score": round(other.score, 3)} for other in match.others],
                "null_share": round(match.profile.null_share, 4),
                "distinct": match.profile.distinct,
                "kind": match.profile.kind,
                "date_format": match.profile.date_format,
                "shapes": list(match.profile.shapes)
                if match.profile.kind in ("id", "integer", "number", "code")
                else [],
                "summary": describe(match.profile),
            }
            for match in profile.matches
        ],
    }
