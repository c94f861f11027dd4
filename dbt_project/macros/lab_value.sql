{#
    What laboratories write in the place of a number (sources.md 4.4). The macros work on `lab_text`: half-width, one
    sign for each comparison, dash and plus. Regular expressions are RE2.
#}

{% macro number_pattern() -%}
    -?(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]+)?|-?\.[0-9]+
{%- endmacro %}

{% macro lab_text(column) -%}
    {{ adapter.dispatch('lab_text', 'radlake')(column) }}
{%- endmacro %}

{% macro duckdb__lab_text(column) -%}
    trim(regexp_replace(regexp_replace(regexp_replace(regexp_replace(
        translate({{ half_width(column) }}, '﹤﹥≦≧–—−〜﹢', '<>≤≥---~+'),
        '^(小于等于|不大于|<=|=<)\s*', '≤'), '^(大于等于|不小于|>=|=>)\s*', '≥'), '^小于\s*', '<'), '^大于\s*', '>'))
{%- endmacro %}

{% macro spark__lab_text(column) -%}
    radlake_lab_text({{ column }})
{%- endmacro %}


{# The text without marks of high and low and without notes that it was done again. #}
{% macro lab_core(text) -%}
    {{ adapter.dispatch('lab_core', 'radlake')(text) }}
{%- endmacro %}

{% macro duckdb__lab_core(text) -%}
    trim(regexp_replace(regexp_replace(regexp_replace(
        {{ text }},
        '\s*[(\[]?\s*(已|经)?(复[查检核测]|重[测检做复])(后|过|结果)?\s*[:]?\s*[)\]]?', '', 'g'),
        '^([HLhl]{1,2}\s+|[↑↓*]+\s*)', ''),
        '(\s*[↑↓*]+|\s+[HLhl]{1,2}|\s*[(\[][HLhl高低↑↓]{1,2}[)\]]|\s*[高低])$|([0-9])[HLhl]$', '\2'))
{%- endmacro %}

{% macro spark__lab_core(text) -%}
    radlake_lab_core({{ text }})
{%- endmacro %}


{#
    numeric, censored, titre, ordinal, qualitative, range, see_report, not_done, text or missing. A lone dash is negative
    only for an item whose reference is negative, which `reference` says.
#}
{% macro lab_value_class(text, core, reference) -%}
    {{ adapter.dispatch('lab_value_class', 'radlake')(text, core, reference) }}
{%- endmacro %}

{% macro duckdb__lab_value_class(text, core, reference) -%}
    {%- set number = number_pattern() -%}
    case
        when {{ text }} is null or regexp_full_match({{ text }}, '(?i)|/+|-{2,}|[.*?]|NULL|N/?A|\\N|未知|不详|无结果') then 'missing'
        when regexp_full_match({{ core }}, '{{ number }}') then 'numeric'
        when
            regexp_full_match(
                {{ core }},
                '({{ number }})\s*(%|‰|s|秒|fL|pg|mmHg|mm|([x×*]10\^?[0-9]{1,2})?/(uL|L)|[a-zA-Zμµ]+/[a-zA-Z0-9./]+|(个)?/\s*[HL]PF?|/(高|低)倍视?野?)'
            ) then 'numeric'
        when regexp_full_match({{ core }}, '({{ number }})\s*([Ee][+-]?[0-9]{1,2}|[x×*]\s*10\^?[+-]?[0-9]{1,2})') then 'numeric'
        when regexp_full_match({{ core }}, '[<>≤≥]\s*({{ number }})(\s*[%‰a-zA-Zμµ][a-zA-Z0-9μµ/.%^*]*)?') then 'censored'
        when regexp_full_match({{ core }}, '(阳性|弱阳性)?\s*[(]?\s*[<>≤≥]?\s*1\s*:\s*[0-9]+(\.[0-9]+)?\s*[)]?\s*(阳性|[(]?\++[)]?)?')
            then 'titre'
        when
            regexp_full_match({{ core }}, '({{ number }})\s*[-~至到]\s*({{ number }})\s*((个)?/?\s*([HL]PF?|(高|低)倍视?野?|uL)|个|%)?')
            and not regexp_matches({{ core }}, '^[0-9]{4}-[0-9]{1,2}$')
            then 'range'
        when regexp_full_match({{ text }}, '(阳性)?\s*[(]?(\+{2,4}|[1-4]\+|\+[1-4])[)]?') then 'ordinal'
        when regexp_full_match({{ text }}, '-') then case when {{ reference }} then 'qualitative' else 'missing' end
        when {{ lab_qualitative(text) }} is not null then 'qualitative'
        when regexp_matches({{ text }}, '(?i)见(检验)?报告|见附|另附|另见|见说明|见备注|附图|图文报告|see report|另纸') then 'see_report'
        when
            regexp_matches(
                {{ text }},
                '(?i)溶血|脂血|未做|未测|未检|量不足|标本不足|量少|不合格|凝[块固]|拒[收检测]|退[检单]|取消|复[查检]|无法|测不出|未出|待[查报出]|仪器故障|无标本|not done|h(a)?emoly|insufficient|clotted|QNS'
            ) then 'not_done'
        else 'text'
    end
{%- endmacro %}

{% macro spark__lab_value_class(text, core, reference) -%}
    radlake_lab_value_class({{ text }}, {{ core }}, {{ reference }})
{%- endmacro %}


{#
    POS, NEG or WEAK where the text is a word of a result; null otherwise. A lone dash is not decided here. `strict` leaves
    out texts that only end with such a word: something else stands before it.
#}
{% macro lab_qualitative(text, strict=false) -%}
    case
        when regexp_full_match({{ text }}, '(?i)(弱阳性?|可疑阳性|可疑|±|[(]±[)]|\+/?-|weak(ly)?( positive)?|trace|微量)\s*[(]?(±|\+/?-|\+)?[)]?')
            then 'WEAK'
        when
            regexp_full_match(
                {{ text }},
                '(?i)([(]?\+[)]?)?\s*(阳性|阳|检出|有反应性?|positive|pos|reactive|detected)\s*([(]?\+[)]?)?|[(]?\+[)]?'
            ) then 'POS'
        when
            regexp_full_match(
                {{ text }},
                '(?i)([(]?-[)]?)?\s*(阴性|阴|未检出|未检到|未检测到|未查见|未见|未发现|无反应性?|negative|neg|non-?reactive|not detected|nd)\s*([(]?-[)]?)?|[(]-[)]'
            ) then 'NEG'
        {% if not strict -%}
        when regexp_matches({{ text }}, '假阳|假阴|[,，;；。]') or length({{ text }}) > 24 then null
        when regexp_matches({{ text }}, '弱阳性\s*([(][^)]*[)])?$') then 'WEAK'
        when regexp_matches({{ text }}, '阳性\s*([(][^)]*[)])?$') then 'POS'
        when regexp_matches({{ text }}, '阴性\s*([(][^)]*[)])?$') then 'NEG'
        {%- endif %}
    end
{%- endmacro %}


{# The number of a numeric, censored, titre or ordinal result, exact. #}
{% macro lab_number(class, text, core) -%}
    {{ adapter.dispatch('lab_number', 'radlake')(class, text, core) }}
{%- endmacro %}

{% macro duckdb__lab_number(class, text, core) -%}
    {%- set number = number_pattern() -%}
    case {{ class }}
        when 'numeric' then coalesce(
            try_cast(
                case
                    when regexp_full_match({{ core }}, '({{ number }})\s*([Ee][+-]?[0-9]{1,2}|[x×*]\s*10\^?[+-]?[0-9]{1,2})')
                        then cast(
                            try_cast(replace(regexp_replace({{ core }}, '\s*[x×*]\s*10\^?', 'e'), ',', '') as double)
                            as varchar
                        )
                end as decimal(20, 8)
            ),
            try_cast(replace(regexp_extract({{ core }}, '^({{ number }})', 1), ',', '') as decimal(20, 8))
        )
        when 'censored'
            then try_cast(replace(regexp_extract({{ core }}, '[<>≤≥]\s*({{ number }})', 1), ',', '') as decimal(20, 8))
        when 'titre' then try_cast(regexp_extract({{ core }}, '1\s*:\s*([0-9]+(\.[0-9]+)?)', 1) as decimal(20, 8))
        when 'ordinal' then coalesce(
            try_cast(regexp_extract({{ text }}, '([1-4])', 1) as decimal(20, 8)),
            length(regexp_replace({{ text }}, '[^+]', '', 'g'))
        )
    end
{%- endmacro %}

{% macro spark__lab_number(class, text, core) -%}
    radlake_lab_number({{ class }}, {{ text }}, {{ core }})
{%- endmacro %}


{# An end of a result or reference that is a range: position 1 is the low one, 2 the high one. #}
{% macro range_end(text, position) -%}
    {{ adapter.dispatch('range_end', 'radlake')(text, position) }}
{%- endmacro %}

{% macro duckdb__range_end(text, position) -%}
    {%- set number = '[0-9]+(?:[.][0-9]+)?|[.][0-9]+' -%}
    try_cast(regexp_extract({{ text }}, '(-?(?:{{ number }}))\s*[^0-9.<>~-]{0,8}\s*[-~至到]+\s*((?:{{ number }}))', {{ position }}) as double)
{%- endmacro %}

{% macro spark__range_end(text, position) -%}
    radlake_range_end({{ text }}, {{ position }})
{%- endmacro %}


{#
    The part of a reference that holds for a sex (`男:120-160 女:110-150`), or the whole text where it names none; null
    where the sex is not known or several ranges stand side by side without one.
#}
{% macro reference_for_sex(text, sex) -%}
    {{ adapter.dispatch('reference_for_sex', 'radlake')(text, sex) }}
{%- endmacro %}

{% macro duckdb__reference_for_sex(text, sex) -%}
    case
        when regexp_matches({{ text }}, '(?i)[男女]|\b(fe)?male\b')
            then nullif(
                case {{ sex }}
                    when 'M' then regexp_extract({{ text }}, '(?i)(?:男性?|\bmale\b)\s*[:]?\s*([^男女;；a-z]*)', 1)
                    when 'F' then regexp_extract({{ text }}, '(?i)(?:女性?|\bfemale\b)\s*[:]?\s*([^男女;；a-z]*)', 1)
                end, ''
            )
        when length(regexp_replace({{ text }}, '[^-~至到]+', '', 'g')) > 1
            and len(regexp_extract_all({{ text }}, '[0-9]\s*[-~至到]+\s*[0-9]')) > 1 then null
        else {{ text }}
    end
{%- endmacro %}

{% macro spark__reference_for_sex(text, sex) -%}
    radlake_reference_for_sex({{ text }}, {{ sex }})
{%- endmacro %}


{#
    A unit for comparison: half-width, lower case, without spaces and brackets of UCUM, micro as u, powers of ten as
    10^9/; what a value counts (FEU, DDU, BUN, UREA) is not part of it.
#}
{% macro unit_key(column) -%}
    {{ adapter.dispatch('unit_key', 'radlake')(column) }}
{%- endmacro %}

{% macro duckdb__unit_key(column) -%}
    nullif(regexp_replace(regexp_replace(regexp_replace(replace(replace(replace(replace(
        lower(translate({{ half_width(column) }}, 'µμ⁰¹²³⁴⁵⁶⁷⁸⁹', 'uu0123456789')),
        '㎎', 'mg'), '㎍', 'ug'), '㎖', 'ml'), '㎜', 'mm'),
        '[\[{(]?(feu|ddu|bun|urea)[\]})]?|[\[\]{}\s]', '', 'g'),
        '^[x×*·]?10[\^*e]{0,2}\+?(3|6|9|12)/', '10^\1/'),
        '^(inr|ph|ratio|比值|-|/)$', '1'), '')
{%- endmacro %}

{% macro spark__unit_key(column) -%}
    radlake_unit_key({{ column }})
{%- endmacro %}


{# The name of a laboratory item for comparison: half-width, lower case, without spaces and leading marks. #}
{% macro item_key(column) -%}
    {{ adapter.dispatch('item_key', 'radlake')(column) }}
{%- endmacro %}

{% macro duckdb__item_key(column) -%}
    nullif(regexp_replace(lower({{ half_width(column) }}), '^[\s*★☆▲△#]+|[\s*★☆▲△]+$|\s+', '', 'g'), '')
{%- endmacro %}

{% macro spark__item_key(column) -%}
    radlake_item_key({{ column }})
{%- endmacro %}


{# H, L, N or A of a flag as written; null where a code says nothing by itself. #}
{% macro abnormal_flag_of(column) -%}
    case
        when regexp_full_match(upper(trim({{ column }})), '[↑⬆]+|H{1,2}|HIGH|偏?高|升高|>|H?↑+H?|增高') then 'H'
        when regexp_full_match(upper(trim({{ column }})), '[↓⬇]+|L{1,2}|LOW|偏?低|降低|<|L?↓+L?|减低') then 'L'
        when regexp_full_match(upper(trim({{ column }})), 'N|正常|NORMAL|M|-') then 'N'
        when regexp_full_match(upper(trim({{ column }})), 'A{1,2}|\*+|异常|阳性|ABNORMAL|P|POS|\+') then 'A'
    end
{%- endmacro %}


{#
    The value of an observation of a message or resource where it is a number or a word of a result; anything else may be
    free text and stays behind.
#}
{% macro observed_result(column) -%}
    coalesce(
        {{ measured_value(column) }},
        case
            when
                {{ lab_qualitative(lab_text(column), strict=true) }} is not null
                or regexp_full_match({{ lab_text(column) }}, '(阳性)?\s*[(]?(\+{2,4}|[1-4]\+|\+[1-4])[)]?')
                or regexp_full_match({{ lab_text(column) }}, '[<>≤≥]?\s*1\s*:\s*[0-9]{1,6}')
                or regexp_full_match(
                    {{ lab_text(column) }}, '[<>≤≥]?\s*[0-9.]{1,12}(\s*[-~]\s*[0-9.]{1,12})?\s*(↑+|↓+|[HL]|/[HL]PF?)?'
                )
                then trim({{ column }})
        end
    )
{%- endmacro %}


{# What a value counts, told by upper-case words: FEU, DDU, BUN or UREA. #}
{% macro basis_of(text) -%}
    case
        when regexp_matches({{ text }}, 'FEU') then 'FEU'
        when regexp_matches({{ text }}, 'DDU') then 'DDU'
        when regexp_matches({{ text }}, '尿素氮|BUN|UREA NITROGEN') then 'BUN'
        when regexp_matches({{ text }}, 'UREA') and not regexp_matches({{ text }}, '氮') then 'UREA'
    end
{%- endmacro %}
