"""The conditions that rules.yml speaks of, as SQL over two records l and r; each is true or false, never null."""

from ingestion.identity.names import names_agree, names_similar

_BOTH_BORN = "(l.birth_date is not null and r.birth_date is not null)"
_PARTS_EQUAL = (
    "((year(l.birth_date) = year(r.birth_date))::int + (month(l.birth_date) = month(r.birth_date))::int "
    "+ (day(l.birth_date) = day(r.birth_date))::int)"
)
_AGREE = f"({names_agree('l.name_norm', 'r.name_norm')} and l.name_norm <> '')"
_SIMILAR = f"({names_similar('l.name_norm', 'r.name_norm')} and l.name_norm <> '')"
_BIRTH_EQUAL = f"({_BOTH_BORN} and l.birth_date = r.birth_date)"
# ages are stated in whole years, and a birthday may lie between two rows
_AGE_FITS = (
    "coalesce(l.birth_low <= r.birth_high + 366 and r.birth_low <= l.birth_high + 366 "
    f"and (not {_BOTH_BORN} or l.birth_date = r.birth_date), true)"
)
_SEX_FITS = "(coalesce(l.sex = r.sex, true) or l.sex = 'O' or r.sex = 'O')"
_CARDS_DIFFER = "(l.citizen_state = 'own' and r.citizen_state = 'own' and l.citizen_id <> r.citizen_id)"

CONDITIONS = {
    "agree": _AGREE,
    "similar": _SIMILAR,
    "named": "(l.name_kind = 'ordinary' or l.name_kind = 'newborn')",
    "ordinary": "(l.name_kind = 'ordinary' and r.name_kind = 'ordinary' and not l.is_newborn and not r.is_newborn)",
    "nameless": "(l.name_kind = 'missing' or r.name_kind = 'missing')",
    "anonymous": "(l.name_kind in ('missing', 'anonymous') or r.name_kind in ('missing', 'anonymous'))",
    "newborn": "(l.is_newborn or r.is_newborn)",
    "surname_equal": "(left(l.name_norm, 1) = left(r.name_norm, 1) and l.name_norm <> '')",
    "birth_equal": _BIRTH_EQUAL,
    # one part of a date of birth mistyped
    "age_fits_or_typo": f"({_AGE_FITS} or ({_BOTH_BORN} and {_PARTS_EQUAL} >= 2))",
    "age_fits": _AGE_FITS,
    "age_known": "(l.birth_low is not null and r.birth_low is not null)",
    "sex_equal": "coalesce(l.sex = r.sex, false)",
    "sex_fits": _SEX_FITS,
    "card_equal": "coalesce(l.citizen_state = 'own' and r.citizen_state = 'own' and l.citizen_id = r.citizen_id, "
    "false)",
    "phone_equal": "coalesce(list_has_any(l.phones, r.phones), false)",
    "address_equal": "coalesce(l.address = r.address, false)",
    "same_source": "(l.source = r.source)",
    "same_period": "(l.period = r.period or l.period = '' or r.period = '')",
    "strict_period": "(l_number.period = r_number.period)",
    "suffix_fits": "(l_number.id_suffix = r_number.id_suffix or l_number.id_suffix = '' or r_number.id_suffix = '' "
    "or not (l.is_newborn or r.is_newborn))",
    # letters of two campuses in front of one number make two numbers
    "prefix_fits": "(l_number.id_prefix = r_number.id_prefix or l_number.id_prefix = '' or r_number.id_prefix = '')",
    "one_name": "(l_number.name_count <= 1 and r_number.name_count <= 1)",
}

CONTRADICTIONS = {
    "two_cards": _CARDS_DIFFER,
    "sex_and_birth": "coalesce(l.sex <> r.sex and l.sex in ('M', 'F') and r.sex in ('M', 'F') "
    "and l.birth_date <> r.birth_date, false)",
    "test_patient": "((l.name_kind = 'test') <> (r.name_kind = 'test') and l.name_kind <> 'missing' "
    "and r.name_kind <> 'missing')",
    # a newborn under the mother's name is nobody who was not born within a day of it
    "mother_newborn": "(l.is_newborn <> r.is_newborn and l.name_kind <> 'missing' and r.name_kind <> 'missing' "
    "and not coalesce(l.birth_low <= r.birth_high + 1 and r.birth_low <= l.birth_high + 1, false))",
    "twins": "(l.is_newborn and r.is_newborn and l.name_kind = 'newborn' and r.name_kind = 'newborn' "
    "and l.name_norm <> r.name_norm and right(l.name_norm, 2) <> '之婴' and right(r.name_norm, 2) <> '之婴')",
    "name_and_birth": f"coalesce(not {_SIMILAR} and l.name_kind = 'ordinary' and r.name_kind = 'ordinary' "
    f"and {_BOTH_BORN} and {_PARTS_EQUAL} < 2, false)",
}
"""What two records of one person can never be; each by its name."""

# a source that merges two registrations itself may know that a card, or a name and a birth, were wrong
_NOT_ASKED = {"source_merge": ("two_cards", "name_and_birth")}


def contradiction(rule: str = "") -> str:
    """Return SQL that is true when two records contradict each other; some rules are trusted beyond that."""
    asked = [sql for name, sql in CONTRADICTIONS.items() if name not in _NOT_ASKED.get(rule, ())]
    return "(" + " or ".join(asked) + ")"
