{#
    Scores of appendicitis (acute_abdomen.md 4.1 to 4.3, 4.13). Ranges of measurements: section 3.1 and the laboratory
    items; a value outside its range is missing.
#}

{#
    Alvarado score (Alvarado 1986; acute_abdomen.md 4.1): temperature from 37.3, WBC above 10.0, neutrophils above 75
    %.
#}
{% macro acute_abdomen_alvarado(relation, key) -%}
    {%- set items = [
        ['migration_item', 1], ['anorexia_item', 1], ['nausea_item', 1], ['tenderness_item', 2], ['rebound_item', 1],
        ['temperature_item', 1], ['wbc_item', 2], ['neutrophils_item', 1]
    ] -%}
    {%- set source -%}
        select
            {{ key }},
            {{ points('migration') }} as migration_item,
            {{ points('anorexia') }} as anorexia_item,
            {{ points('nausea_vomiting') }} as nausea_item,
            {{ points('rlq_tenderness', 2) }} as tenderness_item,
            {{ points('rebound') }} as rebound_item,
            {{ points(within('temp_c', 30, 43) ~ ' >= 37.3') }} as temperature_item,
            {{ points(within('wbc_10e9_l', 0.01, 500) ~ ' > 10', 2) }} as wbc_item,
            {{ points(within('neut_pct', 0, 100) ~ ' > 75') }} as neutrophils_item
        from {{ relation }}
    {%- endset -%}
    {%- set bands = [[4, 'unlikely'], [6, 'possible'], [8, 'probable'], [10, 'very_probable']] -%}
    {{ interval_score(source, [key], items, bands) }}
{%- endmacro %}


{# Appendicitis inflammatory response (Andersson 2008; acute_abdomen.md 4.2), its classes as half-open intervals. #}
{% macro acute_abdomen_air(relation, key) -%}
    {%- set items = [
        ['vomiting_item', 1], ['pain_item', 1], ['rebound_item', 3], ['temperature_item', 1], ['neutrophils_item', 2],
        ['wbc_item', 2], ['crp_item', 2]
    ] -%}
    {%- set source -%}
        select
            {{ key }},
            {{ points('vomiting') }} as vomiting_item,
            {{ points('rif_pain') }} as pain_item,
            {{ member_points('rebound_grade', {'none': 0, 'light': 1, 'medium': 2, 'strong': 3}) }} as rebound_item,
            {{ points(within('temp_c', 30, 43) ~ ' >= 38.5') }} as temperature_item,
            {{ step_points(within('neut_pct', 0, 100), [[70, 1], [85, 2]]) }} as neutrophils_item,
            {{ step_points(within('wbc_10e9_l', 0.01, 500), [[10, 1], [15, 2]]) }} as wbc_item,
            {{ step_points(within('crp_mg_l', 0, 600), [[10, 1], [50, 2]]) }} as crp_item
        from {{ relation }}
    {%- endset -%}
    {{ interval_score(source, [key], items, [[4, 'low'], [8, 'indeterminate'], [12, 'high']]) }}
{%- endmacro %}


{#
    Adult appendicitis score (Sammalkorpi 2014; acute_abdomen.md 4.3). Tenderness depends on sex and age, CRP on the
    hours since onset: what is not known of these leaves an interval. Below 16 years nothing applies; the range of
    ages starts at 0 here, so that a child is told from a missing age.
#}
{% macro acute_abdomen_aas(relation, key) -%}
    {%- set items = [
        ['pain_item', 2], ['migration_item', 2], ['tenderness_low', 'tenderness_high'], ['guarding_item', 4],
        ['wbc_item', 3], ['neutrophils_item', 4], ['crp_low', 'crp_high']
    ] -%}
    {%- set source -%}
        select
            {{ key }},
            applies,
            pain_item,
            migration_item,
            case when rlq_tenderness then tenderness_least else 0 end as tenderness_low,
            case when not rlq_tenderness then 0 else tenderness_most end as tenderness_high,
            guarding_item,
            wbc_item,
            neutrophils_item,
            case
                when early is null then 0
                when hours < 24 then early
                when hours >= 24 then late
                else least(early, late)
            end as crp_low,
            case
                when early is null then case when hours >= 24 then 2 else 5 end
                when hours < 24 then early
                when hours >= 24 then late
                else greatest(early, late)
            end as crp_high
        from (
            select
                *,
                coalesce(age >= 16, true) as applies,
                -- women of 16 to 49 years 1, all others 3
                case when upper(sex) = 'M' or age >= 50 then 3 else 1 end as tenderness_least,
                case when upper(sex) = 'F' and age < 50 then 1 else 3 end as tenderness_most
            from (
                select
                    {{ key }},
                    sex,
                    rlq_tenderness,
                    {{ within('age_years', 0, 110) }} as age,
                    {{ within('duration_h', 0, 720) }} as hours,
                    {{ points('rlq_pain', 2) }} as pain_item,
                    {{ points('migration', 2) }} as migration_item,
                    {{ member_points('guarding', {'none': 0, 'mild': 2, 'moderate_severe': 4}) }} as guarding_item,
                    {{ step_points(within('wbc_10e9_l', 0.01, 500), [[7.2, 1], [10.9, 2], [14, 3]]) }} as wbc_item,
                    {{ step_points(within('neut_pct', 0, 100), [[62, 2], [75, 3], [83, 4]]) }} as neutrophils_item,
                    {{ step_points(within('crp_mg_l', 0, 600), [[4, 2], [11, 3], [25, 5], [83, 1]]) }} as early,
                    {{ step_points(within('crp_mg_l', 0, 600), [[12, 2], [53, 2], [152, 1]]) }} as late
                from {{ relation }}
            )
        )
    {%- endset -%}
    {{ interval_score(source, [key], items, [[10, 'low'], [15, 'intermediate'], [23, 'high']], applies='applies') }}
{%- endmacro %}


{#
    AAST anatomic grade of appendicitis (acute_abdomen.md 4.13): the highest that is found. A stated intact appendix
    excludes what needs a perforation; contamination beside it is a conflict.
#}
{% macro acute_abdomen_aast_appendicitis(relation, key) -%}
    select
        {{ key }},
        grade,
        case
            when not perforation and (local_contamination or phlegmon_abscess or generalized_peritonitis)
                then 'conflict'
            when grade is null then 'not_computable'
            when
                case
                    when grade = 5 then true
                    when grade = 4 then not generalized_peritonitis
                    when grade = 3 then not generalized_peritonitis and not phlegmon_abscess
                    when grade = 2 then not perforation
                    else not perforation and not gangrene
                end
                then 'complete'
            else 'lower_bound'
        end as status
    from (
        select
            *,
            case
                when possible and generalized_peritonitis then 5
                when possible and phlegmon_abscess then 4
                when perforation or (possible and local_contamination) then 3
                when gangrene then 2
                when inflamed then 1
                when not inflamed then 0
            end as grade
        from (
            select
                *,
                coalesce(perforation, true) as possible
            from {{ relation }}
        )
    )
{%- endmacro %}
