"""Finds the line of a mapping YAML on which a field stands, so that a message can name it."""

from pathlib import Path

import yaml


class MappingLines:
    """Lines of one mapping YAML by path of keys, such as ("files", 0, "columns", "sex")."""

    def __init__(self, path: Path) -> None:
        self._lines: dict[tuple[str | int, ...], int] = {}
        node = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
        if node is not None:
            self._walk(node, ())

    def _walk(self, node: yaml.Node, place: tuple[str | int, ...]) -> None:
        self._lines.setdefault(place, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                inner = (*place, str(key.value))
                self._lines[inner] = key.start_mark.line + 1
                self._walk(value, inner)
        elif isinstance(node, yaml.SequenceNode):
            for number, item in enumerate(node.value):
                self._walk(item, (*place, number))

    def of(self, *place: str | int) -> int:
        """Return the line of a field, or of the nearest field above it."""
        while place and place not in self._lines:
            place = place[:-1]
        return self._lines.get(place, 1)
