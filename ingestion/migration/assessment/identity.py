"""Decides whose values a report may show: never those of a column that looks like it identifies a person or a row.

A column is withheld for what it is called, for what its values look like, or because most of them are different.
"""

import re
from dataclasses import dataclass

_PERSON = re.compile(
    r"patient|person|people|staff|employee|doctor|nurse|physician|customer|member|contact|guardian|relative|actor|author"
    r"|患者|病人|人员|用户|医生|医师|护士|员工|家属|联系|亲属",
    re.IGNORECASE,
)
_NAMED = re.compile(
    r"(?:^|_)(?:(?:first|last|middle|full|real|nick|given|family|sur|display|login|user|contact|patient|doctor|nurse|guardian)_?name"
    r"|surname|xm|xingming|lxr|login|username|account|user_?id|openid|unionid)(?:_|$|\d)"
    r"|姓名|名字|联系人|登录名|用户名|账号|帐号",
    re.IGNORECASE,
)
_REACHED = re.compile(
    r"(?:^|_)(?:phone|telephone|tel|mobile|cell|fax|e?mail|address|addr|street|postal|postcode|zip|qq|wechat|weixin|dh|lxdh|sjh|sj|dz|zz|lxdz"
    r"|ip|mac|host|url|path|file|lat|lon|latitude|longitude)(?:_|$|\d)"
    r"|电话|手机|邮箱|邮件|住址|地址|邮编|微信|籍贯|户口|路径|文件",
    re.IGNORECASE,
)
_NUMBERED = re.compile(
    r"(?:^|_)(?:id_?card|id_?no|identity|citizen|sfz|sfzh|zjhm|ssn|passport|card|cardno|insurance|mrn|zyh|mzh|blh|pwd|passw\w*|secret|token"
    r"|salt|hash|key|uid|uuid|guid|number|no|num|accession)(?:_|$|\d)"
    r"|身份证|证件|卡号|医保号|住院号|门诊号|病案号|病历号|检查号|登记号|流水号|编号|密码|口令",
    re.IGNORECASE,
)
_BIRTH = re.compile(r"birth|(?:^|_)(?:dob|csrq|sr)(?:_|$)|born|出生|生日", re.IGNORECASE)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

_MOST_DISTINCT = 0.5
_LONG_NUMBER = 10_000_000
_LONG_TEXT = 60
_CODES = 500


@dataclass(frozen=True, kw_only=True, slots=True)
class Looks:
    """What the values of a column look like: shares of its filled rows."""

    names: float = 0.0
    """Two to four Chinese characters behind a usual surname."""
    contacts: float = 0.0
    """Telephone numbers, mail addresses, postal addresses, citizens' numbers."""
    codes: float = 0.0
    """Six or more letters and digits without a space: numbers that somebody gave out."""
    longest: int = 0


def snake(name: str) -> str:
    """Return a name in snake case, so that patientId reads as patient_id."""
    return _CAMEL.sub("_", name).lower()


def is_birth(name: str, comment: str) -> bool:
    """Return whether a column holds somebody's birth."""
    return bool(_BIRTH.search(snake(name)) or _BIRTH.search(comment))


def withhold_values(
    *, table: str, table_comment: str, name: str, comment: str, filled: int, distinct: int, is_key: bool, looks: Looks
) -> str | None:
    """Return why the frequent values of a column are not shown, None when they are."""
    words = (snake(name), comment)
    if is_key:
        return "key or relation"
    if is_birth(name, comment):
        return "birth"
    for pattern, reason in ((_NAMED, "name of a person"), (_REACHED, "contact"), (_NUMBERED, "number of a person")):
        if any(pattern.search(word) for word in words):
            return reason
    is_person = bool(_PERSON.search(snake(table)) or _PERSON.search(table_comment))
    if is_person and re.search(r"(?:^|_)name$|名$", words[0]):
        return "name of a person"
    if looks.names >= 0.3:
        return "values look like names"
    if looks.contacts >= 0.1:
        return "values look like contacts or numbers of persons"
    if looks.codes >= 0.5 and distinct > 50:
        return "values look like numbers that were given out"
    if looks.longest > _LONG_TEXT and distinct > 50:
        return "free text"
    return "values differ" if distinct > _MOST_DISTINCT * filled or distinct > max(_CODES, filled / 100) else None


def withhold_range(*, name: str, comment: str, greatest: float | None) -> str | None:
    """Return why the range of a number is not shown, None when it is.

    Long numbers are telephone, card or registration numbers, whatever their column is called.
    """
    words = (snake(name), comment)
    if any(pattern.search(word) for pattern in (_REACHED, _NUMBERED, _NAMED) for word in words) and (
        greatest is None or abs(greatest) >= 10_000
    ):
        return "number of a person"
    return "long numbers" if greatest is not None and abs(greatest) >= _LONG_NUMBER else None
