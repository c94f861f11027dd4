"""Assigns rows to columns at most one to one so that the sum of scores is highest (Hungarian method)."""

from collections.abc import Sequence

_INFINITY = float("inf")


def assign(scores: Sequence[Sequence[float]]) -> list[int | None]:
    """Return for each row the column it is given, None where no positive score is left for it.

    Kuhn and Munkres with potentials, O(rows^2 x columns); equal scores go to the earlier column, so that the same
    scores always give the same answer.
    """
    rows = len(scores)
    columns = len(scores[0]) if rows else 0
    if not rows or not columns:
        return [None] * rows
    # a column of score 0 for each row, so that a row may stay without one
    width = columns + rows
    cost = [[-max(0.0, score) for score in row] + [0.0] * rows for row in scores]
    potential_row = [0.0] * (rows + 1)
    potential_column = [0.0] * (width + 1)
    owner = [0] * (width + 1)
    for row in range(1, rows + 1):
        owner[0] = row
        column = 0
        least = [_INFINITY] * (width + 1)
        came_from = [0] * (width + 1)
        used = [False] * (width + 1)
        while True:
            used[column] = True
            current, delta, following = owner[column], _INFINITY, 0
            for other in range(1, width + 1):
                if used[other]:
                    continue
                reduced = cost[current - 1][other - 1] - potential_row[current] - potential_column[other]
                if reduced < least[other]:
                    least[other], came_from[other] = reduced, column
                if least[other] < delta:
                    delta, following = least[other], other
            for other in range(width + 1):
                if used[other]:
                    potential_row[owner[other]] += delta
                    potential_column[other] -= delta
                else:
                    least[other] -= delta
            column = following
            if owner[column] == 0:
                break
        while column:
            owner[column] = owner[came_from[column]]
            column = came_from[column]
    answer: list[int | None] = [None] * rows
    for column in range(1, columns + 1):
        if owner[column] and scores[owner[column] - 1][column - 1] > 0:
            answer[owner[column] - 1] = column - 1
    return answer
