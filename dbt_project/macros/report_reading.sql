{# What was read out of report texts: axes of measurements, ranks of assertions, sections, and what may be counted. #}

{# The low or high value of one axis of a measurement, null where it has fewer. #}
{% macro axis_value(dims, axis, bound) -%}
    {{ adapter.dispatch('axis_value', 'radlake')(dims, axis, bound) }}
{%- endmacro %}

{% macro duckdb__axis_value(dims, axis, bound) -%}
    {{ dims }}[{{ axis }}].{{ bound }}
{%- endmacro %}

{% macro spark__axis_value(dims, axis, bound) -%}
    try_element_at({{ dims }}, {{ axis }}).{{ bound }}
{%- endmacro %}


{% macro axis_count(dims) -%}
    {{ adapter.dispatch('axis_count', 'radlake')(dims) }}
{%- endmacro %}

{% macro duckdb__axis_count(dims) -%}
    cast(len({{ dims }}) as integer)
{%- endmacro %}

{% macro spark__axis_count(dims) -%}
    size({{ dims }})
{%- endmacro %}


{% macro largest_axis(dims) -%}
    {{ adapter.dispatch('largest_axis', 'radlake')(dims) }}
{%- endmacro %}

{% macro duckdb__largest_axis(dims) -%}
    list_max(list_transform({{ dims }}, lambda axis: axis.hi))
{%- endmacro %}

{% macro spark__largest_axis(dims) -%}
    array_max(transform({{ dims }}, axis -> axis.hi))
{%- endmacro %}


{# present > uncertain > historical > absent (report_structuring.md 9.5); null for what is no statement on a finding. #}
{% macro assertion_rank(column) -%}
    case {{ column }} when 'present' then 4 when 'uncertain' then 3 when 'historical' then 2 when 'absent' then 1 end
{%- endmacro %}

{% macro assertion_of_rank(rank) -%}
    case {{ rank }} when 4 then 'present' when 3 then 'uncertain' when 2 then 'historical' when 1 then 'absent' end
{%- endmacro %}


{# Sections in which the reader concludes nothing: what the clinician wrote, how it was done, what to do next. #}
{% macro is_stated_by_reader(section) -%}
    coalesce({{ section }}, 'unsectioned') not in ('clinical_diagnosis', 'history', 'recommendation', 'technique')
{%- endmacro %}


{# The sides a statement is on, joined by semicolons; what is said of no side is a side of its own. #}
{% macro both_sides(laterality) -%}
    case when {{ laterality }} = 'bilateral' then 'left;right' else coalesce({{ laterality }}, 'none') end
{%- endmacro %}


{# Fewer persons than this stand behind no number that is shown (docs/structuring.md). #}
{% macro smallest_count() -%}
    5
{%- endmacro %}
