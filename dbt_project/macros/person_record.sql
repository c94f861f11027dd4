{#
    Pseudonym of a person as one system writes them down: the key of stg_vault__person_link. `numbers` are the columns that
    may name the person, the most telling first; all columns are cleaned ones. ingestion/identity/records.py makes the
    same key.
#}
{% macro person_record(source, numbers, name=none) -%}
    {%- set written = [] -%}
    {%- for number in numbers -%}
        {%- do written.append("nullif(trim(" ~ number ~ "), '')") -%}
    {%- endfor -%}
    {{ pseudonym('person_record', "concat_ws('/', '" ~ source ~ "', coalesce(_src_period, ''), coalesce(" ~ written | join(', ') ~ ", ''), coalesce(" ~ (name or "''") ~ ", ''))") }}
{%- endmacro %}
