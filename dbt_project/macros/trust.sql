{# One fact told by several systems: the most trusted says it, a lower one fills what it leaves open (sources.md 5.1-5.3). #}

{# The first value in the order of trust that is not null. Needs the column `trust` (1 is trusted most). #}
{% macro most_trusted(column) -%}
    min_by({{ column }}, case when {{ column }} is not null then trust end)
{%- endmacro %}


{# The columns that a lower system filled, as column:system joined by semicolons; null when none was. #}
{% macro filled_from(columns) -%}
    nullif(
        concat_ws(
            ';',
            {% for column in columns -%}
            case
                when min(case when {{ column }} is not null then trust end) > min(trust)
                    then '{{ column }}:' || min_by(source_system, case when {{ column }} is not null then trust end)
            end{% if not loop.last %},{% endif %}
            {% endfor -%}
        ),
        ''
    )
{%- endmacro %}


{# All systems and keys under which a fact arrived, sorted. #}
{% macro all_source_keys() -%}
    {{ adapter.dispatch('all_source_keys', 'radlake')() }}
{%- endmacro %}

{% macro duckdb__all_source_keys() -%}
    list_sort(list_distinct(list(source_system || ':' || source_key)))
{%- endmacro %}

{% macro spark__all_source_keys() -%}
    array_sort(collect_set(concat(source_system, ':', source_key)))
{%- endmacro %}


{# The names of the conditions that hold, as a list; flags is a list of [name, condition]. #}
{% macro flag_list(flags) -%}
    {{ adapter.dispatch('flag_list', 'radlake')(flags) }}
{%- endmacro %}

{% macro duckdb__flag_list(flags) -%}
    list_filter(
        [
            {% for name, condition in flags -%}
            case when {{ condition }} then '{{ name }}' end{% if not loop.last %},{% endif %}
            {% endfor -%}
        ],
        lambda flag: flag is not null
    )
{%- endmacro %}

{% macro spark__flag_list(flags) -%}
    array_compact(
        array(
            {% for name, condition in flags -%}
            case when {{ condition }} then '{{ name }}' end{% if not loop.last %},{% endif %}
            {% endfor -%}
        )
    )
{%- endmacro %}


{#
    Joins a hospital's own code map (`codes:` of its mapping YAML) to rows that have source_system and source_period.
    `columns` lists the raw columns the value may have stood in.
#}
{% macro join_code_map(alias, rows, columns, value) -%}
    left join code_maps as {{ alias }}
        on
            {{ rows }}.source_system = {{ alias }}.source_system
            and coalesce({{ rows }}.source_period, '') = {{ alias }}.period_key
            and {{ alias }}.column_name in ('{{ columns | join("', '") }}')
            and {{ code_key(rows ~ '.' ~ value) }} = {{ alias }}.value_key
{%- endmacro %}


{# A code as it is compared: half-width, upper case, trimmed. #}
{% macro code_key(column) -%}
    upper(trim({{ half_width(column) }}))
{%- endmacro %}


{# How a value was mapped: by the hospital's own map, by ours, or not at all. #}
{% macro mapping_status(value, hospital_map, seed) -%}
    case
        when {{ value }} is null then null
        when {{ hospital_map }} is not null then 'reviewed'
        when {{ seed }} is not null then 'mapped'
        else 'unmapped'
    end
{%- endmacro %}


{# Whole days between birth and an event; null where the birth is unknown or lies after the event. #}
{% macro age_days(birth_date, event_at) -%}
    {{ adapter.dispatch('age_days', 'radlake')(birth_date, event_at) }}
{%- endmacro %}

{% macro duckdb__age_days(birth_date, event_at) -%}
    case
        when {{ birth_date }} <= cast({{ event_at }} as date)
            then cast(date_diff('day', {{ birth_date }}, cast({{ event_at }} as date)) as integer)
    end
{%- endmacro %}

{% macro spark__age_days(birth_date, event_at) -%}
    case when {{ birth_date }} <= cast({{ event_at }} as date) then datediff(cast({{ event_at }} as date), {{ birth_date }}) end
{%- endmacro %}


{# The distinct values of a group as a sorted list. #}
{% macro sorted_list(column) -%}
    {{ adapter.dispatch('sorted_list', 'radlake')(column) }}
{%- endmacro %}

{% macro duckdb__sorted_list(column) -%}
    list_sort(list_distinct(list({{ column }})))
{%- endmacro %}

{% macro spark__sorted_list(column) -%}
    array_sort(collect_set({{ column }}))
{%- endmacro %}


{# The keys by which a system may name an encounter, such as his:<visit>; one that names several names none. #}
{% macro encounter_references(relation) -%}
    select
        source_reference,
        min(encounter_key) as encounter_key,
        min(patient_key) as patient_key
    from (
        select
            encounter_key,
            patient_key,
            {{ unnest_list('source_keys') }} as source_reference
        from {{ relation }}
    )
    group by source_reference
    having count(*) = 1
{%- endmacro %}
