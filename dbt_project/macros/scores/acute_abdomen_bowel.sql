{# Scores of perforated ulcer and diverticulitis (acute_abdomen.md 4.11, 4.12). #}

{#
    Boey score (Boey 1987; acute_abdomen.md 4.11): pressure below 100 mmHg, perforation for more than 24 h. From onset
    to incision is at most 1440 h, the ranges of onset to arrival and of arrival to operation together.
#}
{% macro acute_abdomen_boey(relation, key) -%}
    {%- set source -%}
        select
            {{ key }},
            {{ points('major_medical_illness') }} as illness,
            {{ points(within('sbp_preop_mmhg', 30, 300) ~ ' < 100') }} as pressure,
            {{ points(within('perforation_duration_h', 0, 1440) ~ ' > 24') }} as delay
        from {{ relation }}
    {%- endset -%}
    select
        *,
        cast(
            case total when 0 then 0 when 1 then 10 when 2 then 45.5 when 3 then 100 end as decimal(4, 1)
        ) as mortality_pct
    from (
        {{ interval_score(
            source, [key], [['illness', 1], ['pressure', 1], ['delay', 1]], [[0, '0'], [1, '1'], [2, '2'], [3, '3']]
        ) }}
    )
{%- endmacro %}


{#
    Hinchey stage of diverticulitis (Kaiser 2005; acute_abdomen.md 4.12): the highest that is proven, complete when
    all higher ones are known to be absent. Stage 0 needs the diverticulitis.
#}
{% macro acute_abdomen_hinchey(relation, key) -%}
    {%- set stages = [
        ['fecal_peritonitis', 'IV'], ['purulent_peritonitis', 'III'], ['distant_abscess', 'II'],
        ['pericolic_abscess', 'Ib'], ['pericolic_inflammation', 'Ia']
    ] -%}
    select
        {{ key }},
        stage,
        case
            when not diverticulitis then 'not_applicable'
            when stage is null then 'not_computable'
            {% for finding, stage in stages -%}
                when {{ finding }} is null then 'lower_bound'
                when stage = '{{ stage }}' then 'complete'
            {% endfor -%}
            else 'complete'
        end as status
    from (
        select
            *,
            case
                when not diverticulitis then null
                {% for finding, stage in stages -%}
                    when {{ finding }} then '{{ stage }}'
                {% endfor -%}
                when diverticulitis then '0'
            end as stage
        from {{ relation }}
    )
{%- endmacro %}
