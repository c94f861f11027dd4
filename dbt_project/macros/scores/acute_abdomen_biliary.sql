{#
    Tokyo Guidelines 2018 (Yokoe 2018, Kiriyama 2018; acute_abdomen.md 4.10). Ranges of measurements: section 3.1 and
    the laboratory items, for PaO2/FiO2 that of pulmonary_infection.md; a value outside its range is missing.
#}

{#
    Severity of a Tokyo diagnosis. `source` gives `dx`, the inputs of the organ criteria and the conditions of grade
    II, named in `conditions`, of which `needed` make the grade. Grade I is what remains once anything is known.
#}
{% macro tokyo_severity(source, key, conditions, needed) -%}
    {%- set organs = ['vasopressor', 'consciousness_disturbed', 'lung', 'kidney', 'clotting', 'thrombocytopenia'] -%}
    select
        {{ key }},
        dx,
        grade,
        case
            when not is_graded then 'not_applicable'
            when grade is null then 'not_computable'
            when grade = 'III' then 'complete'
            when not any_organ and (grade = 'II' or met_n + unknown_n < {{ needed }}) then 'complete'
            else 'lower_bound'
        end as status
    from (
        select
            *,
            case
                when not is_graded then null
                when any_organ then 'III'
                when met_n >= {{ needed }} then 'II'
                when organs_known_n > 0 or unknown_n < {{ conditions | length }} then 'I'
            end as grade
        from (
            select
                *,
                coalesce(dx in ('definite', 'suspected'), false) or coalesce(clinical_dx_confirmed, false) as is_graded,
                {{ organs | join(' or ') }} as any_organ,
                {{ organs | length }} - ({{ missing_count(organs) }}) as organs_known_n,
                {% for condition in conditions -%}
                    cast(coalesce({{ condition }}, false) as integer){% if not loop.last %} + {% endif %}
                {%- endfor %} as met_n,
                {{ missing_count(conditions) }} as unknown_n
            from (
                select
                    *,
                    {{ within('pf_ratio', 20, 700) }} < 300 as lung,
                    oliguria or {{ within('creatinine_umol_l', 5, 3000) }} > 176.8 as kidney,
                    {{ within('inr', 0.5, 20) }} > 1.5 as clotting,
                    {{ within('platelets_10e9_l', 1, 2000) }} < 100 as thrombocytopenia
                from ({{ source }})
            )
        )
    )
{%- endmacro %}


{# Acute cholecystitis: local signs, systemic signs, imaging (acute_abdomen.md 4.10). #}
{% macro acute_abdomen_tg18_cholecystitis(relation, key) -%}
    {%- set source -%}
        select
            *,
            case
                when has_local and has_systemic and imaging_positive then 'definite'
                when has_local and has_systemic then 'suspected'
                when not has_local or not has_systemic then 'not_met'
            end as dx
        from (
            select
                *,
                murphy or ruq_sign as has_local,
                {{ within('temp_c', 30, 43) }} > 38
                or {{ within('crp_mg_l', 0, 600) }} >= 30
                or wbc > 10 as has_systemic,
                wbc > 18 as leukocytosis,
                {{ within('duration_h', 0, 720) }} > 72 as is_late
            from (
                select
                    *,
                    {{ within('wbc_10e9_l', 0.01, 500) }} as wbc
                from {{ relation }}
            )
        )
    {%- endset -%}
    {{ tokyo_severity(source, key, ['leukocytosis', 'ruq_tender_mass', 'is_late', 'marked_local_inflammation'], 1) }}
{%- endmacro %}


{#
    Acute cholangitis: inflammation, cholestasis, imaging (acute_abdomen.md 4.10). The lower limit of albumin is 40
    g/L where the laboratory gives none.
#}
{% macro acute_abdomen_tg18_cholangitis(relation, key) -%}
    {%- set conditions = ['white_cells', 'high_fever', 'old_age', 'jaundice', 'low_albumin'] -%}
    {%- set source -%}
        select
            *,
            case
                when has_inflammation and has_cholestasis and has_imaging then 'definite'
                when has_inflammation and (has_cholestasis or has_imaging) then 'suspected'
                when not has_inflammation or not (has_cholestasis or has_imaging) then 'not_met'
            end as dx
        from (
            select
                *,
                temp > 38 or chills or wbc < 4 or wbc > 10
                or {{ within('crp_mg_l', 0, 600) }} >= 10 as has_inflammation,
                bilirubin >= 34.2 or lft_over_1p5_uln as has_cholestasis,
                biliary_dilatation or etiology_on_imaging as has_imaging,
                wbc > 12 or wbc < 4 as white_cells,
                temp >= 39 as high_fever,
                {{ within('age_years', 14, 110) }} >= 75 as old_age,
                bilirubin >= 85.5 as jaundice,
                {{ within('albumin_g_l', 5, 70) }}
                < 0.7 * coalesce({{ within('albumin_lln_g_l', 5, 70) }}, 40) as low_albumin
            from (
                select
                    *,
                    {{ within('temp_c', 30, 43) }} as temp,
                    {{ within('wbc_10e9_l', 0.01, 500) }} as wbc,
                    {{ within('bilirubin_umol_l', 0.5, 1200) }} as bilirubin
                from {{ relation }}
            )
        )
    {%- endset -%}
    {{ tokyo_severity(source, key, conditions, 2) }}
{%- endmacro %}
