"""Makes people: households with true names, births, identity cards and telephones.

Names follow the shares of real life: the commonest surnames by the censuses, given names by era and sex, one person in
forty with a minority name. Two people share name and day of birth as often as that makes them, nothing is planted.
The check digit is computed here on purpose, so that the benchmark does not lean on what it measures.
"""

import random
from dataclasses import dataclass, field
from datetime import date, timedelta

TODAY = date(2026, 6, 30)

# shares in per mille, after the lists of surnames the Ministry of Public Security publishes every year
_COMMON = {
    "王": 72, "李": 70, "张": 67, "刘": 54, "陈": 47, "杨": 32, "黄": 24, "赵": 21, "吴": 20, "周": 20, "徐": 17,
    "孙": 16, "马": 14, "朱": 14, "胡": 13, "郭": 12, "何": 11, "高": 11, "林": 11, "罗": 10,
}  # fmt: skip
_SURNAMES: dict[str, float] = {
    **_COMMON,
    **dict.fromkeys("郑梁谢宋唐许韩冯邓曹彭曾肖田董袁", 7.0),
    **dict.fromkeys("潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯", 4.5),
    **dict.fromkeys("龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤", 2.5),
    **{"欧阳": 1.0, "上官": 0.2, "司徒": 0.2, "诸葛": 0.1, "尉迟": 0.1},
}
_GIVEN = {
    (
        "M",
        0,
    ): "国建华志明德文福贵金生荣光永成庆祥春海林东山长玉清云龙富树根宝兴学义忠良平民军有才全发维振正新世天顺安家元",
    ("F", 0): "秀英桂兰玉珍凤芳素华翠云淑珠美莲香月菊梅春爱霞琴花红仙娥金巧银荣桃清莲惠贞静娟芬瑞雪彩菱藕",
    ("M", 1): "伟强勇军磊涛斌超刚波辉杰鹏飞峰建明志文海东俊浩亮平鑫林健龙凯宁旭晓永新国华成光松庆胜宏家立民继红振世春",
    ("F", 1): "丽敏静艳芳娟霞燕红玲娜萍雪梅琳莉慧颖晓婷洁丹秀云春华玉英海美文倩佳冰菊秋兰琴平君青爱利亚巧",
    ("M", 2): "梓轩浩宇子涵博文俊杰睿泽宸奕辰皓逸天佑铭瑞嘉诚一鸣昊晨瀚霖承翰景煜彦思源家豪明哲启航书恒安乐言",
    ("F", 2): "梓涵欣怡诗雨桐思彤一诺可馨语嫣若曦佳琪雅婷子萱静雯芷晴悦心妍紫依沐瑶梦洁安然艺晨乐宁书瑾云舒",
}
_MINORITY = (
    ("买买提", "吐尔逊", "阿不都", "艾力", "玉素甫", "卡德尔", "帕提古丽", "古丽娜尔", "热依汗", "阿依古丽", "依明"),
    ("扎西", "次仁", "卓玛", "多吉", "旺堆", "央金", "拉姆", "尼玛", "格桑", "丹增"),
)  # fmt: skip
_AREAS = ("110199", "120199", "310199", "370199", "410199", "510199", "440199", "320199")
_STREETS = ("幸福路", "建设街", "人民路", "光明巷", "解放大道", "和平里", "新华路", "朝阳街", "胜利路", "文化路")
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


@dataclass(slots=True)
class Human:
    """One person as they are, not as anybody wrote them down."""

    number: int
    name: str
    sex: str
    birth: date
    card: str
    phones: list[str]
    address: str
    household: int
    mother: "Human | None" = None
    birth_order: int = 0
    twin: bool = False
    formerly: str = ""
    numbers: dict[str, str] = field(default_factory=dict)


def make_card(chance: random.Random, birth: date, sex: str) -> str:
    """Return an 18-character number with a right check character."""
    order = chance.randrange(0, 500) * 2 + (1 if sex == "M" else 0)
    body = f"{chance.choice(_AREAS)}{birth:%Y%m%d}{order:03d}"
    return body + "10X98765432"[sum(w * int(d) for w, d in zip(_WEIGHTS, body, strict=True)) % 11]


def _era(birth: date) -> int:
    return 0 if birth.year < 1965 else 1 if birth.year < 2000 else 2


class Registrar:
    """Gives out names, telephones and numbers with one random source."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self._surnames = list(_SURNAMES)
        self._surname_weights = list(_SURNAMES.values())
        self._given = {key: list(dict.fromkeys(text)) for key, text in _GIVEN.items()}
        self._given_weights = {
            key: [1 / (rank + 3) ** 0.7 for rank in range(len(chars))] for key, chars in self._given.items()
        }

    def surname(self) -> str:
        """Return a surname by its share."""
        return self.chance.choices(self._surnames, self._surname_weights)[0]

    def given(self, sex: str, birth: date) -> str:
        """Return a given name of one or two characters by era and sex."""
        key = (sex, _era(birth))
        count = 1 if self.chance.random() < (0.1, 0.35, 0.12)[key[1]] else 2
        return "".join(self.chance.choices(self._given[key], self._given_weights[key], k=count))

    def minority_name(self) -> str:
        """Return a name of two parts with a middle dot, or of four characters without."""
        kind = self.chance.random() < 0.7
        parts = self.chance.choices(_MINORITY[0 if kind else 1], k=2)
        return "·".join(parts) if kind else "".join(parts)

    def phone(self) -> str:
        """Return a mobile number."""
        return f"1{self.chance.choice('3578')}{self.chance.randrange(0, 10**9):09d}"

    def birth(self) -> date:
        """Return a day of birth of somebody who comes to a hospital: the old and the very young come more often."""
        share = self.chance.random()
        if share < 0.04:
            years = self.chance.random() * 2
        elif share < 0.12:
            years = 2 + self.chance.random() * 14
        elif share < 0.45:
            years = 16 + self.chance.random() * 30
        else:
            years = min(99.0, 46 + abs(self.chance.gauss(12, 14)))
        return TODAY - timedelta(days=int(years * 365.25))


def make_people(count: int, seed: int) -> list[Human]:
    """Return people in households; children have their mother's telephone, spouses often the same one."""
    registrar = Registrar(seed)
    chance = registrar.chance
    people: list[Human] = []
    household = 0
    while len(people) < count:
        household += 1
        house = f"{chance.randrange(1, 900)}号{chance.randrange(1, 40)}单元{chance.randrange(101, 2900)}"
        address = chance.choice(_STREETS) + house
        home_phone = registrar.phone()
        adults: list[Human] = []
        for place in range(1 if chance.random() < 0.55 else 2):
            birth = registrar.birth()
            sex = chance.choice("MF")
            if place == 1 and adults[0].birth.year < 2006:
                birth = adults[0].birth + timedelta(days=chance.randrange(-2500, 2500))
                sex = "F" if adults[0].sex == "M" else "M"
            birth = min(birth, TODAY - timedelta(days=1))
            name = (
                registrar.minority_name()
                if chance.random() < 0.025
                else registrar.surname() + registrar.given(sex, birth)
            )
            own = registrar.phone()
            phones = [home_phone] if birth.year > 2012 or chance.random() < 0.2 else [own]
            adults.append(_human(len(people) + len(adults), name, sex, birth, phones, address, household, registrar))
        people += adults
        mother = next((p for p in adults if p.sex == "F" and 1975 < p.birth.year < 2006), None)
        if mother is not None and chance.random() < 0.3:
            people += _children(mother, adults, len(people), registrar)
    return people[:count]


def _human(
    number: int, name: str, sex: str, birth: date, phones: list[str], address: str, household: int, registrar: Registrar
) -> Human:
    return Human(
        number=number, name=name, sex=sex, birth=birth, card=make_card(registrar.chance, birth, sex), phones=phones,
        address=address, household=household,
    )  # fmt: skip


def _children(mother: Human, adults: list[Human], start: int, registrar: Registrar) -> list[Human]:
    chance = registrar.chance
    newest = chance.random() < 0.6
    latest = TODAY - timedelta(days=2)
    earliest = max(date(2016, 1, 1) if newest else date(2005, 1, 1), mother.birth + timedelta(days=18 * 366))
    if earliest >= latest:
        return []
    birth = earliest + timedelta(days=chance.randrange((latest - earliest).days))
    father = next((p for p in adults if p.sex == "M"), None)
    surname = (father or mother).name[:1]
    twins = chance.random() < 0.03
    children: list[Human] = []
    same_sex = chance.random() < 0.65
    first_sex = chance.choice("MF")
    shared = registrar.given(first_sex, birth)[:1]
    for order in range(2 if twins else 1):
        sex = first_sex if order == 0 or same_sex else ("F" if first_sex == "M" else "M")
        # twins often share a character of their names
        given = shared + registrar.given(sex, birth)[-1:] if twins else registrar.given(sex, birth)
        child = _human(
            start + order, surname + given, sex, birth, [mother.phones[0]], mother.address, mother.household, registrar
        )
        child.mother, child.birth_order, child.twin = mother, order + 1, twins
        if children and child.name == children[0].name:
            child.name = surname + given + "宁"
        children.append(child)
    return children
