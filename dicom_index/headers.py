"""Answers `radlake dicom headers`: the header of single files, without a lake."""

from pathlib import Path

from lakehouse.formats.dicom import UnreadableError, read_header


def describe_file(path: Path | str) -> dict[str, str]:
    """Return DICOM keyword to value as text for one file.

    A file that is no whole instance carries `reason` (one of `lakehouse.formats.dicom.REFUSALS` or
    `truncated_pixel_data`), beside the values that could be read before it broke off. No keyword is spelt like it.
    """
    try:
        header = read_header(Path(path))
    except UnreadableError as error:
        known = {} if error.header is None else error.header.attributes
        return known | {"reason": error.reason}
    return header.attributes | ({"reason": "truncated_pixel_data"} if header.is_truncated else {})
