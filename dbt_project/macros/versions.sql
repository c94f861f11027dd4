{#
    Numbers the stored versions of each record, marks the newest and says from when to when each was the newest
    (sources.md 5.4). `order` lists what the source itself says about the order of its versions (a version number, a time
    of change); what it leaves open is decided by the order in which they were loaded.
#}
{% macro with_versions(relation, keys, order=[]) -%}
    {%- set partition = 'partition by ' ~ keys | join(', ') -%}
    {%- set ascending = [] -%}
    {%- for item in order -%}{%- do ascending.append(item ~ ' nulls first') -%}{%- endfor -%}
    {%- set ascending = (ascending + ['loaded_at', 'load_id', 'source_row_no']) | join(', ') -%}
    select
        *,
        row_number() over ({{ partition }} order by {{ ascending }}) as version_no,
        lead(loaded_at) over ({{ partition }} order by {{ ascending }}) is null as is_current,
        loaded_at as valid_from,
        lead(loaded_at) over ({{ partition }} order by {{ ascending }}) as valid_to
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


{#
    The value of a raw column as the door normalised it: null where it found none usable, as received where it had
    nothing to say.
#}
{% macro clean(column) -%}
    {{ adapter.dispatch('clean', 'radlake')(column) }}
{%- endmacro %}

{% macro duckdb__clean(column) -%}
    {#- in a string of JSON a quote has a backslash before it, so this finds names only, faster than a parser -#}
    case
        when contains(_clean, '"{{ column }}":') then json_extract_string(_clean, '$.{{ column }}')
        else {{ column }}
    end
{%- endmacro %}

{% macro spark__clean(column) -%}
    case
        when array_contains(json_object_keys(_clean), '{{ column }}') then get_json_object(_clean, '$.{{ column }}')
        else {{ column }}
    end
{%- endmacro %}
