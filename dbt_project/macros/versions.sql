{# Numbers the stored versions of each record and marks the newest: the order in which they were loaded decides. #}
{% macro with_versions(relation, keys) -%}
    select
        *,
        row_number() over (
            partition by {{ keys | join(', ') }} order by loaded_at, load_id, source_row_no
        ) as version_no,
        row_number() over (
            partition by {{ keys | join(', ') }} order by loaded_at desc, load_id desc, source_row_no desc
        ) = 1 as is_current
    from {{ relation }}
{%- endmacro %}


{# A source's own yes or no: 1/0, Y/N, 是/否, true/false. #}
{% macro parse_boolean(column) -%}
    case
        when upper(trim({{ column }})) in ('1', 'Y', 'T', 'TRUE', '是', '有', '√') then true
        when upper(trim({{ column }})) in ('0', 'N', 'F', 'FALSE', '否', '无', '×') then false
    end
{%- endmacro %}


{# A plain number that may be written full-width, with a thousands comma or an arrow; null when it is none. #}
{% macro parse_number(column) -%}
    try_cast(
        replace(regexp_replace({{ half_width(column) }}, '[↑↓*HLhl +]', '', 'g'), ',', '') as decimal(18, 6)
    )
{%- endmacro %}


{# Upper case, half-width, no spaces; the filler x stays small (国家临床版 codes such as J18.900x002). #}
{% macro normalise_icd_10(column) -%}
    replace(upper(regexp_replace(replace({{ half_width(column) }}, '。', '.'), '\s', '', 'g')), 'X', 'x')
{%- endmacro %}


{# One spelling for a unit: half-width, no spaces, micro as u, powers of ten as 10^9. #}
{% macro normalise_unit(column) -%}
    regexp_replace(
        replace(replace(replace(replace(
            lower(regexp_replace({{ half_width(column) }}, '\s', '', 'g')),
        'µ', 'u'), 'μ', 'u'), '㎜', 'mm'), '㎖', 'ml'),
        '^[x×]?10[*^e]+', '10^'
    )
{%- endmacro %}


{# Numbers without leading zeros that still name one person: only these may stand for a number that lost its zeros. #}
{% macro unique_patient_cores(relation) -%}
    select
        patient_id_core,
        max(survivor_patient_key) as survivor_patient_key
    from {{ relation }}
    where patient_id_core is not null
    group by patient_id_core
    having count(distinct survivor_patient_key) = 1
{%- endmacro %}


{# The value of a raw column as the door normalised it: null where it found none usable, as received where it had nothing to say. #}
{% macro clean(column) -%}
    case
        when _clean is not null and list_contains(json_keys(_clean), '{{ column }}')
            then json_extract_string(_clean, '$.{{ column }}')
        else {{ column }}
    end
{%- endmacro %}
