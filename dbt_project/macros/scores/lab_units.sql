{#
    A laboratory value in the canonical unit of its item (pulmonary_infection.md 6), null where the unit is not known, or
    where it counts something (FEU or DDU, BUN or urea) that nobody says, or where the value is not plausible.
    `units` and `items` are the seeds mapping__lab_unit and mapping__lab_item.
#}
{% macro lab_units(relation, key, units, items) -%}
    select
        {{ key }},
        case
            when
                converted between coalesce(plausible_min, converted) and coalesce(plausible_max, converted)
                then converted
        end as canonical_value
    from (
        select
            read.{{ key }},
            items.plausible_min,
            items.plausible_max,
            cast(
                {{ lab_number('read.value_class', 'read.value_text', 'read.value_core') }}
                * units.factor + units.offset_value as double
            ) as converted
        from (
            select
                *,
                {{ lab_value_class('value_text', 'value_core', 'false') }} as value_class
            from (
                select
                    *,
                    {{ lab_core('value_text') }} as value_core
                from (
                    select
                        {{ key }},
                        lower(trim(item_code)) as item_code,
                        coalesce({{ unit_key('unit') }}, '1') as unit_key,
                        coalesce(
                            {{ basis_of('upper(unit)') }}, {{ basis_of('upper(basis)') }}
                        ) as basis,
                        {{ lab_text('value') }} as value_text
                    from {{ relation }}
                )
            )
        ) as read
        inner join {{ items }} as items
            on read.item_code = items.item_code
        inner join (
            select
                item_code,
                {{ unit_key('source_unit') }} as unit_key,
                coalesce(basis, '') as basis,
                max(factor) as factor,
                max(offset_value) as offset_value
            from {{ units }}
            group by all
        ) as units
            on
                read.item_code = units.item_code
                and read.unit_key = units.unit_key
                and case when units.basis = '' then true else read.basis = units.basis end
    )
{%- endmacro %}
