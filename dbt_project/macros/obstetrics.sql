{# Values of the delivery register (sources.md 4.10), as the door leaves them and as they are read where it did not. #}

{#
    Gestational age in days: 38+2, 38 2/7, 38周2天, 38周, 266天. 38.2 means 38+2 here and carries the flag value_ambiguous.
#}
{% macro gestational_days(column) -%}
    case
        when regexp_matches({{ column }}, '^\D*\d{3}\s*(天|日|d|D)?\s*$')
            then try_cast(regexp_extract({{ column }}, '(\d{3})', 1) as integer)
        when regexp_matches({{ column }}, '^\D*\d{2}\D')
            then
                try_cast(regexp_extract({{ column }}, '(\d{2})', 1) as integer) * 7
                + coalesce(
                    try_cast(nullif(regexp_extract({{ column }}, '\d{2}[^0-9]+([0-6])(?:\D|$)', 1), '') as integer), 0
                )
        when regexp_matches({{ column }}, '^\s*\d{2}\s*$') then try_cast(trim({{ column }}) as integer) * 7
    end
{%- endmacro %}


{# Pregnancies (part 1) or births (part 2) of G3P1, 孕3产1 or 3/1. #}
{% macro gravida_part(column, part) -%}
    try_cast(
        nullif(
            regexp_extract(
                upper({{ half_width(column) }}), '^\D*(\d{1,2})\D+(\d{1,2})\D*$', {{ part }}
            ),
            ''
        ) as integer
    )
{%- endmacro %}


{# Weight in grams; a bare number below 20 stands for kilograms, as no child weighs less than 20 g. #}
{% macro weight_grams(column) -%}
    cast(
        try_cast(regexp_extract({{ half_width(column) }}, '(\d+(?:\.\d+)?)', 1) as double)
        * case
            when regexp_matches({{ column }}, '公斤|千克|(?i:kg)') then 1000
            when regexp_matches({{ column }}, '斤') then 500
            when regexp_matches({{ column }}, '克|(?i:g)') then 1
            when try_cast(regexp_extract({{ half_width(column) }}, '(\d+(?:\.\d+)?)', 1) as double) < 20 then 1000
            else 1
        end as double
    )
{%- endmacro %}


{# Score number `part` (1, 2 or 3) of 9-10-10; null unless it is 0 to 10. #}
{% macro apgar_part(column, part) -%}
    case
        when
            try_cast(
                regexp_extract(
                    {{ half_width(column) }}, '^\D*(\d{1,2})(?:\D+(\d{1,2}))?(?:\D+(\d{1,2}))?', {{ part }}
                ) as integer
            ) between 0 and 10
            then
                try_cast(
                    regexp_extract(
                        {{ half_width(column) }}, '^\D*(\d{1,2})(?:\D+(\d{1,2}))?(?:\D+(\d{1,2}))?', {{ part }}
                    ) as integer
                )
    end
{%- endmacro %}


{# How many children: 单胎, 双胎, 三胎 or a number. #}
{% macro plurality_of(column) -%}
    case
        when regexp_matches({{ column }}, '单') then 1
        when regexp_matches({{ column }}, '双|二') then 2
        when regexp_matches({{ column }}, '三') then 3
        when regexp_matches({{ column }}, '四') then 4
        when try_cast({{ column }} as integer) between 1 and 8 then try_cast({{ column }} as integer)
    end
{%- endmacro %}
