"""Looks at every text of one column once: lengths, what is wrong with it, and what the column holds by its values.

Most texts of a clean column cost one search for a character that is not usual; only what is found is looked at again.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from datetime import date

from ingestion.migration.assessment import citizen_numbers, dates
from ingestion.migration.assessment.identity import Looks
from ingestion.migration.assessment.mojibake import find_mojibake, misread_characters

_USUAL = (
    [chr(code) for code in range(0x20, 0x7F)]
    + ["\t", "\n", "\r"]
    + [chr(code) for code in range(0x4E00, 0xA000)]
    + [chr(code) for code in range(0x3001, 0x3020)]
    + [chr(code) for code in range(0xFF01, 0xFF5F) if not chr(code).isalnum()]
    + list("·×÷°±²³—–‘’“”…‰℃→←↑↓≤≥≈≠＜＞①②③④⑤⑥⑦⑧⑨⑩ⅠⅡⅢⅣⅤαβγμσ￥")
)
_UNUSUAL = re.compile("[^" + re.escape("".join(sorted(set(_USUAL) - misread_characters() - {"锟"}))) + "]")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_C1_CONTROL = re.compile("[\x80-\x9f]")
_ZERO_WIDTH = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_WIDE_DIGIT = re.compile("[０-９]")
_WIDE_LETTER = re.compile("[Ａ-Ｚａ-ｚ]")
_SURROGATE = re.compile("[\udc80-\udcff]")
_HAN = re.compile("[㐀-鿿]")
_HTML = re.compile(
    r"</?(?:p|br|div|span|font|b|i|u|em|strong|table|tbody|thead|tr|td|th|a|img|li|ul|ol|h[1-6]|style|script|o:p)"
    r"(?:\s[^<>]*)?/?>|&(?:nbsp|lt|gt|amp|quot|ldquo|rdquo|#\d{2,5}|#x[0-9a-f]{2,5});",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"[+-]?(?:\d+(\.\d+)?|(\.\d+))")
_PHONE = re.compile(r"1[3-9]\d{9}|(?:0\d{2,3}-?)?[2-8]\d{6,7}(?:-\d{1,4})?|\+86\d{11}")
_ADDRESS = re.compile("[省市区县镇乡村].*(?:路|街|道|号|村|巷|弄|室|栋|组|屯|里|县|区)")
_CODE = re.compile(r"(?=.*\d)[A-Za-z0-9_-]{6,}")
_BLANKS = (
    " \t\n\r\x0b\x0c\x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
)
_SHAPED = frozenset("0123456789０１２３４５６７８９+-. \u3000\xa0\t")
_SHORT = 40
_CITIZEN_LENGTHS = (15, 18)
_COMPACT_LENGTHS = (8, 14)
_SURNAMES = frozenset(
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林罗高郑梁谢宋唐许韩邓冯曹彭曾萧肖田董潘袁蔡蒋余于杜叶程魏苏吕丁任卢姚沈钟姜崔谭陆范汪廖石金韦贾"
    "夏付傅方邹熊白孟秦邱侯江尹薛闫段雷龙黎史陶贺毛郝顾龚邵万覃武钱戴严莫孔向常汤欧阳樊章施洪葛温俞牛翟柳殷庞倪申聂"
)
_UNIT_ENDS = frozenset("科部室院所组病症炎癌药片液剂型类级度性式法术检查")


class TextCensus:
    """What is known of the texts of one column, given in any order and with the rows that each value has."""

    def __init__(self, today: date, *, is_birth: bool) -> None:
        self._today = today
        self._is_birth = is_birth
        self.rows = 0
        self.empty = 0
        self.lengths: Counter[int] = Counter()
        self.hits: Counter[str] = Counter()
        """Rows of each probe that a value alone decides."""
        self._marks = 0
        """Rows with question marks where Chinese may have been."""
        self._only_marks = 0
        self._han = 0
        self._numbers: Counter[str] = Counter()
        self._citizens: Counter[str] = Counter()
        self._forms: Counter[str] = Counter()
        self._days: Counter[str] = Counter()
        self._impossible: Counter[bool] = Counter()
        """Rows of days in no calendar, by whether they were written in digits only."""
        self._compact = 0
        self._any_zero = False
        self._looks: Counter[str] = Counter()

    def add(self, values: Iterable[str | None], weights: Iterable[int]) -> None:
        """Count values; None is no value."""
        lengths, shaped, unusual, blanks, short = self.lengths, _SHAPED, _UNUSUAL.search, _BLANKS, _SHORT
        for value, weight in zip(values, weights, strict=False):
            if value is None:
                continue
            length = len(value)
            lengths[length] += weight
            if not length:
                continue
            first = value[0]
            if unusual(value) or first in blanks or value[-1] in blanks:
                self._examine(value, weight)
            if "<" in value or "&" in value:
                self.hits["html"] += weight * bool(_HTML.search(value))
            if "??" in value and not _HAN.search(value):
                self._marks += weight
                self._only_marks += weight * (not value.strip("? "))
            if length <= short:
                if first in shaped:
                    self._shape(value, weight)
                self._look(value, weight, length, first)
            elif "一" <= first <= "鿿":
                self._han += weight

    def _examine(self, value: str, weight: int) -> None:
        """Look at a value that holds something unusual or has blanks around."""
        hits = self.hits
        core = value.strip(_BLANKS)
        if core:
            hits["trailing_blank"] += weight * (value[-1] in _BLANKS)
            hits["leading_blank"] += weight * (value[0] in _BLANKS)
        else:
            hits["only_blanks"] += weight
        if value.isascii():
            hits["control_character"] += weight * bool(_CONTROL.search(value))
            return
        if _SURROGATE.search(value):
            hits["invalid_utf8"] += weight
        kind = find_mojibake(value)
        if kind:
            hits[f"mojibake_{kind}"] += weight
        has_control = _CONTROL.search(value) or (kind is None and _C1_CONTROL.search(value))
        hits["control_character"] += weight * bool(has_control)
        hits["zero_width"] += weight * bool(_ZERO_WIDTH.search(value))
        hits["full_width_digit"] += weight * bool(_WIDE_DIGIT.search(value))
        hits["full_width_letter"] += weight * bool(_WIDE_LETTER.search(value))

    def _shape(self, value: str, weight: int) -> None:
        """Look at a short value that may be a number or a date."""
        text = (value if value.isascii() else unicodedata.normalize("NFKC", value)).strip()
        if not text:
            return
        length = len(text)
        if length in _CITIZEN_LENGTHS and self._is_citizen(text, weight):
            return
        if length >= 8 and text[0].isdecimal() and (length in _COMPACT_LENGTHS or not text.isdecimal()):
            written = dates.read_date(text)
            if written:
                self._date(written, weight)
                if not written.is_compact:
                    return
        number = _NUMBER.fullmatch(text)
        if number:
            is_fraction = bool(number[1] or number[2]) or text[0] in "+-"
            self._numbers["fraction" if is_fraction else "whole"] += weight
            self._numbers["zero"] += weight * (length > 1 and text[0] == "0" and not is_fraction)
        if length >= 7 and _PHONE.fullmatch(text):
            self._looks["contacts"] += weight

    def _is_citizen(self, text: str, weight: int) -> bool:
        """Count a text as long as a citizen's number, and return whether it is one."""
        verdict = citizen_numbers.judge_citizen_number(text, self._today)
        self._citizens[verdict] += weight
        if verdict in (citizen_numbers.OTHER, citizen_numbers.WRONG_BIRTH):
            return False
        self._looks["contacts"] += weight
        return True

    def _date(self, written: dates.WrittenDate, weight: int) -> None:
        self._forms[written.form] += weight
        self._any_zero = self._any_zero or written.has_zero
        if written.day is not None:
            self._days[written.day] += weight
            self._compact += weight * written.is_compact
        else:
            self._impossible[written.is_compact] += weight

    def _look(self, value: str, weight: int, length: int, first: str) -> None:
        """Count what a short value looks like."""
        if "一" <= first <= "鿿":
            self._han += weight
            if length <= 4:
                self._looks["names"] += weight * (length > 1 and first in _SURNAMES and value[-1] not in _UNIT_ENDS)
            elif _ADDRESS.search(value):
                self._looks["contacts"] += weight
        elif length >= 6 and value.isascii():
            self._looks["codes"] += weight * bool(_CODE.fullmatch(value))
            self._looks["contacts"] += weight * ("@" in value)
        elif not value.isascii() and _HAN.search(value):
            self._han += weight

    @property
    def filled(self) -> int:
        """Return the rows with a text of at least one character."""
        return self.lengths.total() - self.lengths.get(0, 0)

    def looks(self) -> Looks:
        """Return what the values look like."""
        filled = max(1, self.filled)
        return Looks(
            names=self._looks["names"] / filled,
            contacts=self._looks["contacts"] / filled,
            codes=self._looks["codes"] / filled,
            longest=max(self.lengths, default=0),
        )

    def findings(self, least: int) -> dict[str, tuple[int, dict[str, int]]]:
        """Return the rows of each probe that found something, with details none of which is a rare value."""
        found: dict[str, tuple[int, dict[str, int]]] = {name: (rows, {}) for name, rows in self.hits.items() if rows}
        if self._marks and (self._han or self._only_marks):
            found["question_marks"] = (self._marks if self._han else self._only_marks, {})
        self._add_citizens(found)
        self._add_dates(found, least)
        numbers = self._numbers["whole"] + self._numbers["fraction"]
        # whole numbers as text are codes as a rule; a decimal point tells a measurement
        if self._numbers["fraction"] and numbers >= 0.9 * self.filled and not self._numbers["zero"]:
            found["number_as_text"] = (numbers, {})
        return dict(sorted(found.items()))

    def _add_citizens(self, found: dict[str, tuple[int, dict[str, int]]]) -> None:
        valid, wrong, old = (
            self._citizens[name] for name in (citizen_numbers.VALID, citizen_numbers.WRONG_CHECK, citizen_numbers.OLD)
        )
        if wrong:
            found["citizen_check_digit"] = (wrong, {"valid": valid})
        if old and valid + wrong + old >= 0.5 * self.filled:
            found["citizen_15_digits"] = (old, {"valid": valid})
        # only a column of citizens' numbers tells that something else should have been one
        if valid + wrong + old >= 0.5 * self.filled:
            births = self._citizens[citizen_numbers.WRONG_BIRTH]
            others = self.filled - valid - wrong - old - births
            found |= {"citizen_birth_date": (births, {})} if births else {}
            found |= {"citizen_shape": (others, {})} if others else {}

    def _add_dates(self, found: dict[str, tuple[int, dict[str, int]]], least: int) -> None:
        written = self._forms.total()
        if not written:
            return
        is_date = written >= 0.8 * self.filled
        # eight digits may be any number: only a column full of such days makes an odd one a wrong date
        is_compact = is_date and self._compact >= 0.8 * self.filled
        days = self._days if is_date or not self._compact else Counter[str]()
        impossible = self._impossible[False] + (self._impossible[True] if is_compact else 0)
        impossible += sum(
            rows
            for day, rows in days.items()
            if dates.is_impossible(day, is_birth=self._is_birth and is_date, today=self._today)
        )
        if impossible:
            found["impossible_date"] = (impossible, {})
        sentinels = dates.count_sentinels(days, is_birth=self._is_birth, least=least)
        if sentinels:
            found["sentinel_date"] = (sum(sentinels.values()), frequent(sentinels, least))
        mixed = dates.mixed_forms(self._forms, any_zero=self._any_zero) if is_date else {}
        if mixed:
            found["mixed_date_forms"] = (sum(mixed.values()) - max(mixed.values()), frequent(mixed, least))


def frequent(counts: dict[str, int], least: int) -> dict[str, int]:
    """Return the counts of at least `least`, and the sum of the others under `other`."""
    shown = {name: rows for name, rows in counts.items() if rows >= least}
    rest = sum(counts.values()) - sum(shown.values())
    return shown | ({"other": rest} if rest else {})
