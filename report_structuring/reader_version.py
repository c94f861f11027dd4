"""Which reader read a text: the version of the rules, and digests of the rules and of the lexicon.

A stored report is read again as soon as one of them differs, and the old rows stay, so no change of a rule or of a term
depends on somebody raising a number.
"""

import hashlib
from importlib import resources

from report_structuring.additional_rows import added_rows
from report_structuring.structure import ALGORITHM, ALGORITHM_VERSION

REVIEW = "review"
"""Name of the reader where a person vouches for what was read."""
LEXICON_TABLES = ("finding_lexicon.tsv", "patterns.tsv")
"""Tables to which a hospital may add rows."""
# modules that store, show or judge what was read and decide nothing of it
_NOT_RULES = frozenset(
    f"{name}.py"
    for name in (
        *("tables", "report_sources", "review_queue", "review_document", "review_sheet", "review_store", "gold"),
        *("evaluation", "evaluation_matching", "finding_search", "lexicon_change", "site_lexicon", "reader_version"),
    )
)


def _digest_of_rules() -> str:
    digest = hashlib.sha256()
    for entry in sorted(resources.files(__package__).iterdir(), key=lambda item: item.name):
        if entry.name in _NOT_RULES or entry.name in LEXICON_TABLES or not entry.name.endswith((".py", ".tsv")):
            continue
        digest.update(f"{entry.name}\x1f".encode() + entry.read_bytes() + b"\x1e")
    return digest.hexdigest()


# taken once, when the rules themselves are loaded
_RULES_SHA256 = _digest_of_rules()
_LEXICON_BYTES = {name: (resources.files(__package__) / name).read_bytes() for name in LEXICON_TABLES}


def rules_sha256() -> str:
    """Return the digest of every module and table of the package that decides what is read, but for the lexicon."""
    return _RULES_SHA256


def lexicon_sha256() -> str:
    """Return the digest of the lexicon: the package's terms and templates and those of the hospital."""
    digest = hashlib.sha256()
    for name, content in _LEXICON_BYTES.items():
        digest.update(f"{name}\x1f".encode() + content)
        for row in sorted(added_rows(name)):
            digest.update("\t".join(row).encode() + b"\n")
    return digest.hexdigest()


def reader_version() -> str:
    """Return the version under which rows are stored: version+digest of rules and lexicon."""
    digest = hashlib.sha256(f"{ALGORITHM}{rules_sha256()}{lexicon_sha256()}".encode()).hexdigest()
    return f"{ALGORITHM_VERSION}+{digest[:10]}"
