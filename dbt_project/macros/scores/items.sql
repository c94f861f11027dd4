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
            when {{ high }} <= {{ band[0] }}
            {%- if not loop.first %} and {{ low }} > {{ bands[loop.index0 - 1][0] }}{% endif %} then '{{ band[1] }}'
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


{#
    Interval arithmetic (placenta_accreta.md 4, acute_abdomen.md 4). `source` is a query with the items as columns; an
    item is a pair of column and highest points (anything from 0 to them when it is null), or of two columns, its
    lowest and highest points. The sums are `min` and `max`; what is the same at both ends is known. `kept` are
    columns to keep, `applies` and `count` expressions: whether the score applies at all, else its status is
    `other_status`, and how many items it has.
#}
{% macro interval_score(source, kept, items, bands, applies='true', count=none, other_status='not_applicable') -%}
    select
        {{ kept | join(', ') }},
        case when {{ applies }} and n_missing = 0 then low end as total,
        case when {{ applies }} then low end as min,
        case when {{ applies }} then high end as max,
        case when {{ applies }} then n_missing end as n_missing,
        case when {{ applies }} then band end as band,
        case
            when not ({{ applies }}) then '{{ other_status }}'
            when n_missing = 0 then 'complete'
            when n_missing = {{ items | length if count is none else count }} then 'not_computable'
            when band is not null then 'partial_determinate'
            else 'partial_indeterminate'
        end as status
    from (
        select
            *,
            {{ band_of('low', 'high', bands) }} as band
        from (
            select
                *,
                {% for item in items -%}
                    {{ item_low(item) }}{% if not loop.last %} + {% endif %}
                {%- endfor %} as low,
                {% for item in items -%}
                    {{ item_high(item) }}{% if not loop.last %} + {% endif %}
                {%- endfor %} as high,
                {% for item in items -%}
                    cast({{ item_low(item) }} < {{ item_high(item) }} as integer){% if not loop.last %} + {% endif %}
                {%- endfor %} as n_missing
            from ({{ source }})
        )
    )
{%- endmacro %}


{# The lowest and the highest points of an item of `interval_score`. #}
{% macro item_low(item) -%}
    {% if item[1] is number %}coalesce({{ item[0] }}, 0){% else %}{{ item[0] }}{% endif %}
{%- endmacro %}

{% macro item_high(item) -%}
    {% if item[1] is number %}coalesce({{ item[0] }}, {{ item[1] }}){% else %}{{ item[1] }}{% endif %}
{%- endmacro %}


{# Points of a value of a set, null when it is none of those; `points` maps value to points. #}
{% macro member_points(column, points) -%}
    case lower({{ column }})
        {% for value, number in points.items() -%}
            when '{{ value | lower }}' then {{ number }}
        {% endfor %}
    end
{%- endmacro %}


{# A value of a set, else null. #}
{% macro member(column, values) -%}
    case when lower({{ column }}) in ('{{ values | join("', '") }}') then lower({{ column }}) end
{%- endmacro %}


{# Points of the highest cut-off that a number reaches; `steps` are pairs of cut-off, from the lowest, and points. #}
{% macro step_points(column, steps) -%}
    case
        {% for step in steps | reverse -%}
            when {{ column }} >= {{ step[0] }} then {{ step[1] }}
        {% endfor -%}
        when {{ column }} is not null then 0
    end
{%- endmacro %}


{# Whole days from one date to another. #}
{% macro days_after(start, stop) -%}
    {{ adapter.dispatch('days_after', 'radlake')(start, stop) }}
{%- endmacro %}

{% macro duckdb__days_after(start, stop) -%}
    cast(date_diff('day', {{ start }}, {{ stop }}) as integer)
{%- endmacro %}

{% macro spark__days_after(start, stop) -%}
    datediff({{ stop }}, {{ start }})
{%- endmacro %}


{# The date so many days after another. #}
{% macro days_later(start, days) -%}
    {{ adapter.dispatch('days_later', 'radlake')(start, days) }}
{%- endmacro %}

{% macro duckdb__days_later(start, days) -%}
    {{ start }} + cast({{ days }} as integer)
{%- endmacro %}

{% macro spark__days_later(start, days) -%}
    date_add({{ start }}, cast({{ days }} as integer))
{%- endmacro %}
