{#
    What all scores share. A score macro is called like its case file, takes a relation with the inputs of that file and
    the key that it keeps, and returns a SELECT. An input out of its range is a missing one (pulmonary_infection.md 0.5).
    The same macros serve the marts and `radlake score`, which renders this folder without dbt: Jinja alone, no dispatch.
#}

{# A value inside its range, else null. #}
{% macro within(column, low, high) -%}
    case when {{ column }} between {{ low }} and {{ high }} then {{ column }} end
{%- endmacro %}


{# A whole number inside its range, else null. #}
{% macro whole_within(column, low, high) -%}
    case
        when {{ column }} between {{ low }} and {{ high }} and {{ column }} = trunc({{ column }})
            then cast({{ column }} as integer)
    end
{%- endmacro %}


{# Points when a condition holds, 0 when it does not, null when it is not known. #}
{% macro points(condition, number=1) -%}
    case when {{ condition }} then {{ number }} when not ({{ condition }}) then 0 end
{%- endmacro %}


{# The sum of items, null when one is missing; `items` are pairs of column and highest points. #}
{% macro item_total(items) -%}
    {% for item in items %}{{ item[0] }}{% if not loop.last %} + {% endif %}{% endfor %}
{%- endmacro %}


{# The sum with missing items at 0. #}
{% macro item_min(items) -%}
    {% for item in items %}coalesce({{ item[0] }}, 0){% if not loop.last %} + {% endif %}{% endfor %}
{%- endmacro %}


{# The sum with missing items at their highest points. #}
{% macro item_max(items) -%}
    {% for item in items %}coalesce({{ item[0] }}, {{ item[1] }}){% if not loop.last %} + {% endif %}{% endfor %}
{%- endmacro %}


{# How many columns are null. #}
{% macro missing_count(columns) -%}
    {% for column in columns %}cast({{ column }} is null as integer){% if not loop.last %} + {% endif %}{% endfor %}
{%- endmacro %}


{# The class of both ends of what is possible, null where they differ; `bands` are pairs of highest number and class. #}
{% macro band_of(low, high, bands) -%}
    case
        {% for band in bands -%}
            when {{ high }} <= {{ band[0] }}{% if not loop.first %} and {{ low }} > {{ bands[loop.index0 - 1][0] }}{% endif %} then '{{ band[1] }}'
        {% endfor %}
    end
{%- endmacro %}


{# Whole minutes from one instant to another, rounded down. #}
{% macro minutes_after(start, stop) -%}
    {{ adapter.dispatch('minutes_after', 'radlake')(start, stop) }}
{%- endmacro %}

{% macro duckdb__minutes_after(start, stop) -%}
    cast(floor(date_diff('second', {{ start }}, {{ stop }}) / 60) as integer)
{%- endmacro %}

{% macro spark__minutes_after(start, stop) -%}
    cast(floor((unix_timestamp({{ stop }}) - unix_timestamp({{ start }})) / 60) as integer)
{%- endmacro %}


{# One row for each item of a text that joins them by semicolons. #}
{% macro split_items(column) -%}
    {{ adapter.dispatch('split_items', 'radlake')(column) }}
{%- endmacro %}

{% macro duckdb__split_items(column) -%}
    unnest(string_split({{ column }}, ';'))
{%- endmacro %}

{% macro spark__split_items(column) -%}
    explode(split({{ column }}, ';'))
{%- endmacro %}
