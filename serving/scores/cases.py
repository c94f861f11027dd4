"""Computes a score for every row of a CSV file.

An input that does not read as its type is missing, as a value outside its range is (pulmonary_infection.md 0.5). The
rows keep their order and all their columns.
"""

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from lakehouse.errors import UsageError
from lakehouse.lake import open_scratch
from serving.scores.case_file import read_cases, write_cases
from serving.scores.rendering import score_query
from serving.scores.specification import TYPES, Score, find_score

_ROW = "radlake_row_no"
_SEED_FOLDER = Path(__file__).parents[2] / "dbt_project" / "seeds"


def score_cases(code: str, source: Path, out: Path) -> int:
    """Write the rows of `source` with the results of the score to `out`, and return how many there are.

    Raises UsageError for an unknown score, a file that cannot be read or written, or one that lacks every input.
    """
    score = find_score(code)
    header, rows = read_cases(source)
    if not set(score.inputs) & {name.lower() for name in header}:
        raise UsageError(f"{source} has none of the inputs of {code}: {', '.join(score.inputs)}")
    kept = [number for number, name in enumerate(header) if name.lower() not in score.results]
    results = _results(score, header, rows)
    write_cases(
        out,
        [*(header[number] for number in kept), *score.results],
        [[*(row[number] for number in kept), *result] for row, result in zip(rows, results, strict=True)],
    )
    return len(rows)


def _results(score: Score, header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[tuple[str, ...]]:
    """Return the results of each row as text."""
    columns = {name.lower(): number for number, name in enumerate(header)}
    delivered = pa.table(
        {
            _ROW: pa.array(range(len(rows)), pa.int64()),
            **{
                name: pa.array([row[columns[name]] if name in columns else None for row in rows], pa.string())
                for name in score.inputs
            },
        }
    )
    with open_scratch() as connection:
        connection.register("delivered", delivered)
        typed = ", ".join(
            f"try_cast(nullif(trim({_quoted(name)}), '') as {TYPES[kind]}) as {_quoted(name)}"
            for name, kind in score.inputs.items()
        )
        connection.execute(f"create table inputs as select {_ROW}, {typed} from delivered")
        for seed in score.seeds:
            [path] = _SEED_FOLDER.rglob(f"{seed}.csv")
            connection.execute(f"create table {seed} as select * from read_csv($1)", [str(path)])
        connection.execute(f"create table results as {score_query(score, 'inputs', _ROW)}")
        types = dict(
            connection.execute(
                "select column_name, data_type from duckdb_columns() where table_name = 'results'"
            ).fetchall()
        )
        written = ", ".join(_written(name, types[name]) for name in score.results)
        return connection.execute(
            f"select {written} from inputs left join results using ({_ROW}) order by {_ROW}"
        ).fetchall()


def _written(name: str, kind: str) -> str:
    """Return SQL of a result as text: empty for null, decimals without the zeros that their type adds."""
    value = f"cast(results.{_quoted(name)} as varchar)"
    if kind.startswith("DECIMAL") and not kind.endswith(",0)"):
        value = f"rtrim(rtrim({value}, '0'), '.')"
    return f"coalesce({value}, '')"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
