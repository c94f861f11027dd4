{#
    Scores of pancreatitis (acute_abdomen.md 4.4 to 4.9). Ranges of measurements: section 3.1 and the laboratory
    items, for PaO2/FiO2 and pH those of pulmonary_infection.md; a value outside its range is missing.
#}

{#
    BISAP (Wu 2008; acute_abdomen.md 4.4). A criterion of SIRS is met by any of its values and not met when its first
    value is known and none meets it.
#}
{% macro acute_abdomen_bisap(relation, key) -%}
    {%- set items = [['urea_item', 1], ['gcs_item', 1], ['sirs_item', 1], ['age_item', 1], ['effusion_item', 1]] -%}
    {%- set criteria = [['temperature', 1], ['pulse', 1], ['respiration', 1], ['leukocytes', 1]] -%}
    {%- set source -%}
        select
            *,
            {{ points('sirs') }} as sirs_item
        from (
            select
                *,
                case
                    when {{ item_min(criteria) }} >= 2 then true
                    when {{ item_max(criteria) }} < 2 then false
                end as sirs
            from (
                select
                    {{ key }},
                    {{ points(within('urea_mmol_l', 0.1, 100) ~ ' > 8.9') }} as urea_item,
                    {{ points(whole_within('gcs_total', 3, 15) ~ ' < 15') }} as gcs_item,
                    {{ points(within('age_years', 14, 110) ~ ' > 60') }} as age_item,
                    {{ points('pleural_effusion') }} as effusion_item,
                    {{ points('temp < 36 or temp > 38') }} as temperature,
                    {{ points(within('pulse_per_min', 20, 250) ~ ' > 90') }} as pulse,
                    case when rr > 20 or paco2 < 32 then 1 when rr is not null then 0 end as respiration,
                    case when wbc < 4 or wbc > 12 or bands > 10 then 1 when wbc is not null then 0 end as leukocytes
                from (
                    select
                        *,
                        {{ within('temp_c', 30, 43) }} as temp,
                        {{ within('rr_per_min', 4, 80) }} as rr,
                        {{ within('paco2_mmhg', 5, 200) }} as paco2,
                        {{ within('wbc_10e9_l', 0.01, 500) }} as wbc,
                        {{ within('bands_pct', 0, 100) }} as bands
                    from {{ relation }}
                )
            )
        )
    {%- endset -%}
    {{ interval_score(source, [key, 'sirs'], items, [[2, 'low'], [5, 'high']]) }}
{%- endmacro %}


{#
    Ranson score (Ranson 1974 and 1982; acute_abdomen.md 4.5). The aetiology selects the cut-offs; PaO2 is no item of
    the biliary variant. A base deficit is 0 to 40 as base excess is -40 to 40; fluid sequestration has no range.
#}
{% macro acute_abdomen_ranson(relation, key) -%}
    {%- set admission = ['age_item', 'wbc_item', 'glucose_item', 'ldh_item', 'ast_item'] -%}
    {%- set later = ['hct_item', 'urea_item', 'calcium_item', 'pao2_item', 'base_item', 'fluid_item'] -%}
    {%- set items = [] -%}
    {%- for name in admission + later %}{% set _ = items.append([name, 1]) %}{% endfor -%}
    {%- set source -%}
        select
            *,
            case when variant is not null then {{ admission | join(' + ') }} end as admission,
            case when variant is not null then {{ later | join(' + ') }} end as h48
        from (
            select
                {{ key }},
                variant,
                {{ points('age > case variant when 1 then 70 else 55 end') }} as age_item,
                {{ points('wbc > case variant when 1 then 18 else 16 end') }} as wbc_item,
                {{ points('glucose > case variant when 1 then 12.2 else 11.1 end') }} as glucose_item,
                {{ points('ldh > case variant when 1 then 400 else 350 end') }} as ldh_item,
                {{ points('ast > 250') }} as ast_item,
                {{ points('hct_fall > 10') }} as hct_item,
                {{ points('urea_rise > case variant when 1 then 0.7 else 1.8 end') }} as urea_item,
                {{ points('calcium < 2') }} as calcium_item,
                case when variant = 1 then 0 else {{ points('pao2 < 60') }} end as pao2_item,
                {{ points('base_deficit > case variant when 1 then 5 else 4 end') }} as base_item,
                {{ points('fluid_seq_l > case variant when 1 then 4 else 6 end') }} as fluid_item
            from (
                select
                    *,
                    {{ member_points('etiology', {'non_biliary': 0, 'biliary': 1}) }} as variant,
                    {{ within('age_years', 14, 110) }} as age,
                    {{ within('wbc_10e9_l', 0.01, 500) }} as wbc,
                    {{ within('glucose_mmol_l', 0.5, 80) }} as glucose,
                    {{ within('ldh_u_l', 20, 20000) }} as ldh,
                    {{ within('ast_u_l', 0, 20000) }} as ast,
                    {{ within('hct_adm_pct', 5, 75) }} - {{ within('hct_min48_pct', 5, 75) }} as hct_fall,
                    {{ within('urea_max48_mmol_l', 0.1, 100) }}
                    - {{ within('urea_adm_mmol_l', 0.1, 100) }} as urea_rise,
                    {{ within('calcium_min48_mmol_l', 0.5, 5) }} as calcium,
                    {{ within('pao2_min48_mmhg', 10, 700) }} as pao2,
                    {{ within('base_deficit_max48_mmol_l', 0, 40) }} as base_deficit
                from {{ relation }}
            )
        )
    {%- endset -%}
    {{ interval_score(
        source, [key, 'admission', 'h48'], items, [[2, 'mild_predicted'], [11, 'severe_predicted']],
        applies='variant is not null', count='case variant when 1 then 10 else 11 end', other_status='not_computable'
    ) }}
{%- endmacro %}


{#
    Balthazar CT severity index (Balthazar 1990; acute_abdomen.md 4.6). Necrosis of exactly 30 % or 50 % is the lower
    class.
#}
{% macro acute_abdomen_ctsi(relation, key) -%}
    {%- set source -%}
        select
            {{ key }},
            {{ member_points('balthazar_grade', {'a': 0, 'b': 1, 'c': 2, 'd': 3, 'e': 4}) }} as inflammation,
            case
                when not coalesce(necrosis_pct between 0 and 100, false) then null
                when necrosis_pct > 50 then 6
                when necrosis_pct > 30 then 4
                when necrosis_pct > 0 then 2
                else 0
            end as necrosis
        from {{ relation }}
    {%- endset -%}
    {{ interval_score(
        source, [key], [['inflammation', 4], ['necrosis', 6]], [[3, 'mild'], [6, 'moderate'], [10, 'severe']]
    ) }}
{%- endmacro %}


{# Modified CT severity index (Mortele 2004; acute_abdomen.md 4.7). #}
{% macro acute_abdomen_mctsi(relation, key) -%}
    {%- set kinds = {'normal': 0, 'pancreatic_or_peripancreatic_inflammation': 2, 'collection_or_fat_necrosis': 4} -%}
    {%- set source -%}
        select
            {{ key }},
            {{ member_points('inflammation', kinds) }} as inflammation_item,
            case
                when not coalesce(necrosis_pct between 0 and 100, false) then null
                when necrosis_pct > 30 then 4
                when necrosis_pct > 0 then 2
                else 0
            end as necrosis_item,
            {{ points('extrapancreatic', 2) }} as extrapancreatic_item
        from {{ relation }}
    {%- endset -%}
    {{ interval_score(
        source, [key], [['inflammation_item', 4], ['necrosis_item', 4], ['extrapancreatic_item', 2]],
        [[2, 'mild'], [6, 'moderate'], [10, 'severe']]
    ) }}
{%- endmacro %}


{#
    Modified Marshall organ failure (Banks 2013; acute_abdomen.md 4.8). On a vasopressor the circulation scores at
    least 2; acidosis outranks the response to fluid, and a missing pH is no acidosis.
#}
{% macro acute_abdomen_marshall(relation, key) -%}
    select
        {{ key }},
        resp,
        renal,
        cv,
        resp >= 2 or renal >= 2 or cv >= 2 as organ_failure
    from (
        select
            {{ key }},
            case
                when pf > 400 then 0
                when pf > 300 then 1
                when pf > 200 then 2
                when pf > 100 then 3
                when pf <= 100 then 4
            end as resp,
            case
                when creatinine <= 134 then 0
                when creatinine <= 169 then 1
                when creatinine <= 310 then 2
                when creatinine <= 439 then 3
                when creatinine > 439 then 4
            end as renal,
            case
                when not (pressure < 90 or vasopressor) then 0
                when pressure < 90 or vasopressor
                    then case
                        when ph < 7.2 then 4
                        when ph < 7.3 then 3
                        when vasopressor then 2
                        when not fluid_responsive then 2
                        when fluid_responsive then 1
                    end
            end as cv
        from (
            select
                *,
                {{ within('pf_ratio', 20, 700) }} as pf,
                {{ within('creatinine_umol_l', 5, 3000) }} as creatinine,
                {{ within('sbp_mmhg', 30, 300) }} as pressure,
                {{ within('ph_arterial', 6.5, 8) }} as ph
            from {{ relation }}
        )
    )
{%- endmacro %}


{#
    Revised Atlanta severity (Banks 2013; acute_abdomen.md 4.9). No organ failure settles its duration and death; a
    duration above 0 is an organ failure where nothing else says so. Hours have no upper range.
#}
{% macro acute_abdomen_revised_atlanta(relation, key) -%}
    select
        {{ key }},
        grade,
        case
            when grade is null then 'not_computable'
            when grade = 'severe' then 'complete'
            when grade = 'moderately_severe' and not persistent then 'complete'
            when grade = 'mild' and not present and not local_complication and not systemic_complication then 'complete'
            else 'lower_bound'
        end as status
    from (
        select
            *,
            case
                when persistent then 'severe'
                when present or local_complication or systemic_complication then 'moderately_severe'
                when coalesce(present, local_complication, systemic_complication) is not null then 'mild'
            end as grade
        from (
            select
                *,
                -- unknown unless one proves it or both exclude it
                present is distinct from false and (hours > 48 or died_in_of_before_48h) as persistent
            from (
                select
                    *,
                    coalesce(of_present, case when hours > 0 then true end) as present
                from (
                    select
                        *,
                        case when of_max_duration_h >= 0 then of_max_duration_h end as hours
                    from {{ relation }}
                )
            )
        )
    )
{%- endmacro %}
