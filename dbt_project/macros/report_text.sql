{# What staging may tell about a report's text, which itself stays in the restricted zone until it is scrubbed. #}

{# Digest of the raw parts of a report, the same that report_structuring computes, by which the scrubbed text is found. #}
{% macro text_digest(columns) -%}
    sha256(
        concat_ws(
            chr(31),
            {% for column in columns -%}
            coalesce({{ column }}, ''){% if not loop.last %},{% endif %}
            {% endfor -%}
        )
    )
{%- endmacro %}


{#
    ok, truncated, mojibake, template_only or empty (sources.md 5, report). A text is cut when its length in GBK or
    UTF-8 bytes meets a usual limit of a database column and it ends in the middle of a sentence.
#}
{% macro text_quality(columns) -%}
    case
        when length(trim(concat_ws('', {{ columns | join(', ') }}))) = 0 then 'empty'
        when regexp_matches(concat_ws('', {{ columns | join(', ') }}), '锟斤拷|\x{FFFD}|\?{5,}') then 'mojibake'
        when {% for column in columns -%}
            coalesce({{ is_cut(column) }}, false){% if not loop.last %} or {% endif %}
        {%- endfor %} then 'truncated'
        when
            regexp_matches(concat_ws('', {{ columns | join(', ') }}), '_{2,}|\[[ 　]*\]|【[ 　]*】')
            and length(regexp_replace(concat_ws('', {{ columns | join(', ') }}), '[_\s\[\]【】（）():：,，。、；;]', '', 'g')) < 20
            then 'template_only'
        else 'ok'
    end
{%- endmacro %}


{% macro is_cut(column) -%}
    (
        (
            {{ byte_length(column) }} in (253, 254, 255, 510, 511, 512, 998, 999, 1000, 1022, 1023, 1024, 1998, 1999, 2000)
            or {{ byte_length(column) }} in (3998, 3999, 4000)
            or length({{ column }}) + length(regexp_replace({{ column }}, '[\x00-\x7F]', '', 'g'))
            in (253, 254, 255, 510, 511, 512, 998, 999, 1000, 1022, 1023, 1024, 1998, 1999, 2000, 3998, 3999, 4000)
        )
        and not regexp_matches({{ column }}, '[。！？；.!?;)）】]\s*$')
    )
{%- endmacro %}


{% macro byte_length(column) -%}
    {{ adapter.dispatch('byte_length', 'radlake')(column) }}
{%- endmacro %}

{% macro duckdb__byte_length(column) -%}
    strlen({{ column }})
{%- endmacro %}

{% macro spark__byte_length(column) -%}
    octet_length({{ column }})
{%- endmacro %}


{# A time of day (080312.5, 08:03) written hh:mm:ss, so that it can follow a day. #}
{% macro clock_text(column) -%}
    regexp_replace(trim({{ column }}), '^(\d{2}):?(\d{2}):?(\d{2}).*$', '\1:\2:\3')
{%- endmacro %}


{# What a note on the placenta says, the gravest first; the note itself may hold a name and stays behind. #}
{% macro placenta_state(column) -%}
    case
        when {{ says(column, '穿透') }} then 'percreta'
        when {{ says(column, '植入') }} then 'accreta'
        when {{ says(column, '粘连') }} then 'adherent'
        when {{ says(column, '不完整|残留|缺损|不全') }} then 'incomplete'
        when regexp_matches({{ column }}, '完整|完全') then 'complete'
    end
{%- endmacro %}


{# Whether a note says a thing and does not deny it in the same breath. #}
{% macro says(column, words) -%}
    regexp_matches({{ column }}, '{{ words }}')
    and not regexp_matches({{ column }}, '(无|非|未见|否认|排除)[^，。；,;]{0,6}({{ words }})')
{%- endmacro %}


{# Units of red cells in words such as 悬浮红细胞4U or 红细胞 2.5 单位; a plain number counts as units. #}
{% macro red_cell_units(column) -%}
    try_cast(
        coalesce(
            nullif(regexp_extract({{ half_width(column) }}, '红(?:悬|细胞)[^0-9]{0,6}(\d+(?:\.\d+)?)\s*(?:[uU]|单位)', 1), ''),
            nullif(regexp_extract({{ half_width(column) }}, '^\s*(\d+(?:\.\d+)?)\s*(?:[uU]|单位)?\s*$', 1), '')
        ) as double
    )
{%- endmacro %}


{# One part of a scrubbed text whose parts stand under their headers, a line each; null when it is not there. #}
{% macro section_of(column, header) -%}
    nullif(
        regexp_extract(
            {{ column }}, '(?:^|\n){{ header }}：((?s:.*?))(?:\n(?:大体所见|镜下所见|免疫组化|病理诊断)：|$)', 1
        ),
        ''
    )
{%- endmacro %}
