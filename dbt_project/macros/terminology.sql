{#
    Codes as hospitals write them (sources.md 4.2), taken apart. Cells, not codes, are what a source delivers: one cell
    may hold several codes, a dagger with its asterisk code, or the name beside the code.
#}

{# One cell in one spelling: half-width, upper case, ASCII dot and marks, codes apart by semicolons, no spaces. #}
{% macro spell_code_cell(column) -%}
    {{ adapter.dispatch('spell_code_cell', 'radlake')(column) }}
{%- endmacro %}

{% macro duckdb__spell_code_cell(column) -%}
    trim(regexp_replace(regexp_replace(regexp_replace(regexp_replace(regexp_replace(regexp_replace(regexp_replace(
        translate(upper({{ half_width(column) }}), '。．·•‧†＋﹢＊※⁎；，、|"''`', '.....+++***;;;;'),
        -- words beside the code and the name of the code system before it
        '^ICD[-_ ]?(10|9)(-?CM)?(-?3)?\s*[:：]\s*|[\x{3400}-\x{9FFF}(){}<>《》【】]+', ' ', 'g'),
        '\s*[;,\r\n\t]+\s*|/+\s*([A-Z][0-9OIL]{2})', ';\1', 'g'),
        '\s*([.+])\s*|\s+([*])', '\1\2', 'g'),
        -- an extension may stand apart from its code; another code may too
        '\s+(X[0-9OIL]{3})\b', '\1', 'g'),
        '([0-9X+*])\s+([A-Z][0-9OIL]{2}|[0-9]{2}\.)', '\1;\2', 'g'),
        '\s+', '', 'g'),
        -- only an asterisk code stays with its dagger code
        '\+([A-Z][0-9OIL]{2}[0-9A-Z.]*)(;|$)', '+;\1\2', 'g'), ';')
{%- endmacro %}

{% macro spark__spell_code_cell(column) -%}
    radlake_spell_code_cell({{ column }})
{%- endmacro %}


{# Where an element stands in a cell of semicolons, from 1. #}
{% macro position_in_cell(cell, element) -%}
    {{ adapter.dispatch('position_in_cell', 'radlake')(cell, element) }}
{%- endmacro %}

{% macro duckdb__position_in_cell(cell, element) -%}
    list_position(string_split({{ cell }}, ';'), {{ element }})
{%- endmacro %}

{% macro spark__position_in_cell(cell, element) -%}
    array_position(split({{ cell }}, ';'), {{ element }})
{%- endmacro %}


{# Letters where digits belong: O for 0, I and L for 1. #}
{% macro digits_for_letters(column) -%}
    translate({{ column }}, 'OIL', '011')
{%- endmacro %}


{#
    An ICD-10 code with its dot in place, from upper-case letters and digits: I639, I63900X003 and I63.9OO become I63.9,
    I63.900X003 and I63.900. Anything that has not the shape of an ICD-10 code stays as it is.
#}
{% macro place_icd_10_dot(column) -%}
    {{ adapter.dispatch('place_icd_10_dot', 'radlake')(column) }}
{%- endmacro %}

{% macro duckdb__place_icd_10_dot(column) -%}
    case
        when regexp_full_match({{ column }}, '[A-Z][0-9]{2}(\.[0-9X][0-9]{0,2}(X[0-9]{3})?)?') then {{ column }}
        when regexp_full_match({{ column }}, '[A-Z01][0-9OIL]{2}\.?[0-9XOIL]?[0-9OIL]{0,2}(X[0-9OIL]{3})?[.-]*')
            then rtrim(regexp_replace(
                -- a first letter that was typed as a digit is believed only where the national shape confirms it
                case
                    when regexp_full_match({{ column }}, '[01][0-9OIL]{2}\.?[0-9XOIL][0-9OIL]{2}(X[0-9OIL]{3})?')
                        then translate(substr({{ column }}, 1, 1), '01', 'OI')
                    else substr({{ column }}, 1, 1)
                end || {{ digits_for_letters('substr(' ~ column ~ ', 2)') }},
                '^([A-Z][0-9]{2})\.?', '\1.'
            ), '.-')
        else {{ column }}
    end
{%- endmacro %}

{% macro spark__place_icd_10_dot(column) -%}
    radlake_place_icd_10_dot({{ column }})
{%- endmacro %}


{# An ICD-9-CM-3 code with its dot in place and its leading zero back: 741X01, 684901 and 0.66 become 74.1X01 and so on. #}
{% macro place_icd_9_dot(column) -%}
    {{ adapter.dispatch('place_icd_9_dot', 'radlake')(column) }}
{%- endmacro %}

{% macro duckdb__place_icd_9_dot(column) -%}
    case
        when regexp_full_match({{ column }}, '[0-9]{2}(\.[0-9][0-9X]?([0-9]{2})?(X[0-9]{3})?)?') then {{ column }}
        when regexp_full_match({{ column }}, '[0-9OIL]{2}\.?[0-9OIL][0-9XOIL]?([0-9OIL]{2})?(X[0-9OIL]{3})?[.-]*')
            then rtrim(
                regexp_replace({{ digits_for_letters(column) }}, '^([0-9]{2})\.?', '\1.'), '.-'
            )
        when regexp_full_match({{ column }}, '[0-9]\.[0-9][0-9X]?([0-9]{2})?(X[0-9]{3})?') then '0' || {{ column }}
        else {{ column }}
    end
{%- endmacro %}

{% macro spark__place_icd_9_dot(column) -%}
    radlake_place_icd_9_dot({{ column }})
{%- endmacro %}


{#
    The name of a diagnosis or procedure for comparison: half-width, lower case, without list numbers, marks of doubt,
    sides, spaces and punctuation.
#}
{% macro term_key(column) -%}
    {{ adapter.dispatch('term_key', 'radlake')(column) }}
{%- endmacro %}

{% macro duckdb__term_key(column) -%}
    nullif(regexp_replace(regexp_replace(
        lower({{ half_width(column) }}),
        '^\s*[(\[]?[0-9]{1,2}[)\].、]+\s*|待查|待排除?|待除外|疑似|^考虑|可能性?大?$|[?？]', '', 'g'),
        '[\s,.;:、，。；：()（）\[\]【】"“”''·-]+', '', 'g'
    ), '')
{%- endmacro %}

{% macro spark__term_key(column) -%}
    radlake_term_key({{ column }})
{%- endmacro %}


{#
    How certain a diagnosis is said to be. Not to be excluded (不能排除, 不除外, 待除外) is suspected; 排除 alone and 已除外 are
    ruled out; 疑病症 is a disease, not a doubt.
#}
{% macro certainty_of(name) -%}
    case
        when regexp_matches(
            {{ name }},
            '待排|待查|待除外|待定|疑似|可疑|怀疑|考虑|可能|不排除|不除外|不能(排除|除外)|未(能)?(排除|除外)|[?？]|(^|[,，、;；(（])疑([^病]|$)'
        ) then 'suspected'
        when regexp_matches({{ name }}, '^排除|已(排除|除外)|排除[)）]?$|^除外') then 'ruled_out'
        when regexp_matches({{ name }}, '除外[)）]?$') then 'suspected'
        else 'confirmed'
    end
{%- endmacro %}


{# Each element of a list as a row. #}
{% macro unnest_list(column) -%}
    {{ adapter.dispatch('unnest_list', 'radlake')(column) }}
{%- endmacro %}

{% macro duckdb__unnest_list(column) -%}
    unnest({{ column }})
{%- endmacro %}

{% macro spark__unnest_list(column) -%}
    explode({{ column }})
{%- endmacro %}


{# The newest decision of each terminologist's question in one domain, as `reviews`: by code, else by term. #}
{% macro current_reviews(domain) -%}
    select
        source_code,
        source_term,
        coalesce(source_system, '') as only_system,
        max_by(target_code, valid_from) as target_code,
        max_by(decision, valid_from) as decision,
        max_by(review_id, valid_from) as review_id
    from {{ ref('stg_terminology__review') }}
    where domain = '{{ domain }}'
    group by source_code, source_term, coalesce(source_system, '')
{%- endmacro %}


{#
    Millilitres as written: 800, 约800ml, 800-1000, 1.2L, ≥1500 and 1200+; `end` is low or high. What is at least so much
    has no high end, what is less than so much no low one.
#}
{% macro volume_ml(column, end) -%}
    {{ adapter.dispatch('volume_ml', 'radlake')(column, end) }}
{%- endmacro %}

{% macro duckdb__volume_ml(column, end) -%}
    {%- set plain = "lower(regexp_replace(" ~ half_width(column) ~ ", '[\\s,约]', '', 'g'))" -%}
    {%- set group = 2 if end == 'high' else 1 -%}
    case
        when regexp_matches({{ plain }}, '^[0-9.]+(ml|l|毫升|升)?[-~至到—–][0-9.]+')
            then try_cast(regexp_extract({{ plain }}, '^([0-9.]+)(?:ml|l|毫升|升)?[-~至到—–]([0-9.]+)', {{ group }}) as decimal(18, 3))
        {% if end == 'high' -%}
        when regexp_matches({{ plain }}, '^([>≥大多]|不少于)|[0-9](ml|l|毫升|升)?\+$') then null
        {% else -%}
        when regexp_matches({{ plain }}, '^([<≤小少]|不足)') then null
        {% endif -%}
        else try_cast(regexp_extract({{ plain }}, '([0-9]+([.][0-9]+)?)', 1) as decimal(18, 3))
    end * case when regexp_matches({{ plain }}, '[0-9](l|升)') then 1000 else 1 end
{%- endmacro %}

{% macro spark__volume_ml(column, end) -%}
    radlake_volume_ml({{ column }}, '{{ end }}')
{%- endmacro %}


{# The pairs of the newest map between any two code systems. #}
{% macro newest_mappings() -%}
    select
        mappings.source_code_system,
        mappings.source_code,
        mappings.target_code_system,
        mappings.target_code
    from {{ ref('stg_terminology__mapping') }} as mappings
    inner join (
        select source_code_system, target_code_system, max(load_id) as load_id
        from {{ ref('stg_terminology__mapping') }}
        group by source_code_system, target_code_system
    ) as newest
        on
            mappings.source_code_system = newest.source_code_system
            and mappings.target_code_system = newest.target_code_system
            and mappings.load_id = newest.load_id
{%- endmacro %}


{# The codes of the newest list of each code system. #}
{% macro newest_codes() -%}
    select
        codes.code_system,
        codes.code_version,
        codes.code,
        codes.code_name
    from {{ ref('stg_terminology__code') }} as codes
    inner join (
        select code_system, max(load_id) as load_id
        from {{ ref('stg_terminology__code') }}
        group by code_system
    ) as newest on codes.code_system = newest.code_system and codes.load_id = newest.load_id
{%- endmacro %}
