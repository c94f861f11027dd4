"""Computes a score for every row of a CSV file.

An input that does not read as its type is missing, as a value outside its range is (pulmonary_infection.md 0.5). The
rows keep their order and all their columns.
"""

from pathlib import Path

from lakehouse.errors import UsageError
from lakehouse.lake import Connection, open_scratch
from serving.scores.rendering import score_query
from serving.scores.specification import TYPES, Score, find_score

_ROW = "radlake_row_no"
_SEED_FOLDER = Path(__file__).parents[2] / "dbt_project" / "seeds"


def score_cases(code: str, source: Path, out: Path) -> int:
    """Write the rows of `source` with the results of the score to `out`, and return how many there are.

    Raises UsageError for an unknown score, a missing or unreadable file, or one that lacks every input of the score.
    """
    score = find_score(code)
    if not source.is_file():
        raise UsageError(f"{source} is missing")
    with open_scratch() as connection:
        columns = _read(connection, source)
        if not set(score.inputs) & set(columns):
            raise UsageError(f"{source} has none of the inputs of {code}: {', '.join(score.inputs)}")
        connection.execute(f"create table inputs as select {_ROW}, {_typed(score, columns)} from delivered")
        for seed in score.seeds:
            [path] = _SEED_FOLDER.rglob(f"{seed}.csv")
            connection.execute(f"create table {seed} as select * from read_csv({_literal(str(path))})")
        connection.execute(f"create table results as {score_query(score, 'inputs', _ROW)}")
        kept = ", ".join(f"delivered.{_quoted(name)}" for name in columns if name not in score.results)
        results = ", ".join(_written(connection, name) for name in score.results)
        return int(
            connection.execute(
                f"copy (select {kept}, {results} from delivered left join results using ({_ROW}) order by {_ROW}) "
                f"to {_literal(str(out))} (format csv, header true)"
            ).fetchall()[0][0]
        )


def _read(connection: Connection, source: Path) -> list[str]:
    """Read the file as text into the table `delivered`, with its row numbers, and return its columns."""
    try:
        connection.execute(
            f"create table delivered as select row_number() over () as {_ROW}, * "
            f"from read_csv({_literal(str(source))}, all_varchar = true, header = true, delim = ',', quote = '\"', "
            "escape = '\"', null_padding = true)"
        )
    except Exception as error:
        raise UsageError(f"{source} is no CSV file with a header, in UTF-8 ({type(error).__name__})") from None
    described = connection.execute("describe delivered").fetchall()
    return [name for name, *_ in described if name != _ROW]


def _typed(score: Score, columns: list[str]) -> str:
    parts = []
    for name, kind in score.inputs.items():
        value = f"nullif(trim({_quoted(name)}), '')" if name in columns else "null"
        parts.append(f"try_cast({value} as {TYPES[kind]}) as {_quoted(name)}")
    return ", ".join(parts)


def _written(connection: Connection, name: str) -> str:
    """Return SQL that writes a result: decimals without the zeros that their type adds."""
    ((kind,),) = connection.execute(
        "select data_type from duckdb_columns() where table_name = 'results' and column_name = $1", [name]
    ).fetchall()
    value = f"results.{_quoted(name)}"
    if kind.startswith("DECIMAL"):
        value = f"rtrim(rtrim(cast({value} as varchar), '0'), '.')" if not kind.endswith(",0)") else value
    return f"{value} as {_quoted(name)}"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
