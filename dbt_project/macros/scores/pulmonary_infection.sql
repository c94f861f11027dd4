{#
    CURB-65 (Lim 2003; pulmonary_infection.md 4.1): one point each for new confusion; urea > 7 mmol/L; respiratory rate
    >= 30; systolic < 90 or diastolic <= 60 mmHg; age >= 65 years. Below 18 years nothing applies; an age that is missing
    is one item more that is.
#}
{% macro pulmonary_infection_curb65(relation, key) -%}
    {%- set items = [['confusion', 1], ['urea', 1], ['respiration', 1], ['pressure', 1], ['age', 1]] -%}
    {%- set others = [['confusion', 1], ['respiration', 1], ['pressure', 1], ['age', 1]] -%}
    select
        {{ key }},
        case when applies then {{ item_total(items) }} end as total,
        case when applies then {{ item_min(items) }} end as min,
        case when applies then {{ item_max(items) }} end as max,
        case
            when applies
                then {{ band_of(item_min(items), item_max(items), [[1, 'low'], [2, 'intermediate'], [5, 'high']]) }}
        end as risk_group,
        case when applies then {{ item_total(others) }} end as crb65,
        case when applies then {{ missing_count(['confusion', 'urea', 'respiration', 'pressure', 'age']) }} end as missing_n
    from (
        select
            {{ key }},
            coalesce({{ within('age_years', 0, 120) }} >= 18, true) as applies,
            {{ points(within('age_years', 0, 120) ~ ' >= 65') }} as age,
            cast(confusion_new as integer) as confusion,
            {{ points(within('urea_mmol_l', 0.1, 100) ~ ' > 7') }} as urea,
            {{ points(within('rr_per_min', 4, 80) ~ ' >= 30') }} as respiration,
            {{ points(within('sbp_mmhg', 30, 280) ~ ' < 90 or ' ~ within('dbp_mmhg', 10, 180) ~ ' <= 60') }} as pressure
        from {{ relation }}
    )
{%- endmacro %}


{#
    PSI (Fine 1997; pulmonary_infection.md 4.2). Points are null while one of the five examination findings is missing; the
    class then only when step 1 has failed and both ends fall into one class. Comorbidities, nursing home, effusion and
    laboratory items that are missing count as absent or normal, as in the original rule.
#}
{% macro pulmonary_infection_psi(relation, key) -%}
    {%- set comorbidities = ['neoplastic', 'liver', 'chf', 'cerebrovascular', 'renal'] -%}
    {%- set examination = [['mental', 20], ['respiration', 20], ['pressure', 20], ['temperature', 15], ['pulse', 10]] -%}
    {%- set bands = [[70, '2'], [90, '3'], [130, '4'], [100000, '5']] -%}
    {%- set classes = band_of('known + (' ~ item_min(examination) ~ ')', 'known + (' ~ item_max(examination) ~ ')', bands) -%}
    select
        {{ key }},
        case when applies then known + {{ item_total(examination) }} end as points,
        case
            when not applies then null
            when not failed and {{ item_total(examination) }} = 0 then 1
            when failed or {{ item_min(examination) }} > 0 then cast({{ classes }} as integer)
        end as class,
        case when applies then labs_missing_n end as labs_missing_n
    from (
        select
            *,
            age > 50 or has_comorbidity as failed,
            age - case when is_female then 10 else 0 end + other_points as known
        from (
            select
                {{ key }},
                coalesce(age_years between 18 and 120, false) and coalesce(upper(sex) in ('M', 'F'), false) as applies,
                trunc(age_years) as age,
                upper(sex) = 'F' as is_female,
                {% for name in comorbidities -%}
                    coalesce({{ name }}, false){% if not loop.last %} or {% endif %}
                {%- endfor %} as has_comorbidity,
                10 * cast(coalesce(nursing_home, false) as integer)
                + 30 * cast(coalesce(neoplastic, false) as integer)
                + 20 * cast(coalesce(liver, false) as integer)
                + 10 * cast(coalesce(chf, false) as integer)
                + 10 * cast(coalesce(cerebrovascular, false) as integer)
                + 10 * cast(coalesce(renal, false) as integer)
                + coalesce({{ points(within('ph_arterial', 6.5, 8) ~ ' < 7.35', 30) }}, 0)
                + coalesce({{ points(within('urea_mmol_l', 0.1, 100) ~ ' >= 10.7', 20) }}, 0)
                + coalesce({{ points(within('sodium_mmol_l', 90, 200) ~ ' < 130', 20) }}, 0)
                + coalesce({{ points(within('glucose_mmol_l', 0.5, 80) ~ ' >= 13.9', 10) }}, 0)
                + coalesce({{ points(within('hct_pct', 5, 75) ~ ' < 30', 10) }}, 0)
                + coalesce(
                    {{ points(within('pao2_mmhg', 10, 700) ~ ' < 60 or ' ~ within('spo2_pct', 50, 100) ~ ' < 90', 10) }}, 0
                )
                + 10 * cast(coalesce(pleural_effusion, false) as integer) as other_points,
                {{ points('altered_mental', 20) }} as mental,
                {{ points(within('rr_per_min', 4, 80) ~ ' >= 30', 20) }} as respiration,
                {{ points(within('sbp_mmhg', 30, 280) ~ ' < 90', 20) }} as pressure,
                case
                    when temp_c between 30 and 43 then case when temp_c < 35 or temp_c >= 40 then 15 else 0 end
                end as temperature,
                {{ points(within('pulse_per_min', 20, 250) ~ ' >= 125', 10) }} as pulse,
                {{ missing_count([
                    within('ph_arterial', 6.5, 8), within('urea_mmol_l', 0.1, 100), within('sodium_mmol_l', 90, 200),
                    within('glucose_mmol_l', 0.5, 80), within('hct_pct', 5, 75),
                    'coalesce(' ~ within('pao2_mmhg', 10, 700) ~ ', ' ~ within('spo2_pct', 50, 100) ~ ')'
                ]) }} as labs_missing_n
            from {{ relation }}
        )
    )
{%- endmacro %}


{# qSOFA (Singer 2016; pulmonary_infection.md 4.3): rate >= 22, systolic <= 100, GCS < 15 or altered; positive from 2. #}
{% macro pulmonary_infection_qsofa(relation, key) -%}
    {%- set items = [['respiration', 1], ['pressure', 1], ['mentation', 1]] -%}
    select
        {{ key }},
        {{ item_total(items) }} as total,
        {{ item_min(items) }} as min,
        {{ item_max(items) }} as max,
        case when {{ item_min(items) }} >= 2 then true when {{ item_max(items) }} < 2 then false end as positive
    from (
        select
            {{ key }},
            {{ points(within('rr_per_min', 4, 80) ~ ' >= 22') }} as respiration,
            {{ points(within('sbp_mmhg', 30, 280) ~ ' <= 100') }} as pressure,
            -- either one decides alone
            case
                when gcs < 15 or altered_mental then 1
                when gcs is not null or altered_mental is not null then 0
            end as mentation
        from (
            select
                *,
                {{ whole_within('gcs_total', 3, 15) }} as gcs
            from {{ relation }}
        )
    )
{%- endmacro %}


{#
    SOFA (Vincent 1996; pulmonary_infection.md 4.4). Without CPAP, NIV or invasive ventilation the respiratory part stops
    at 2; rates of drugs that are missing are 0. The total stands with at most two parts missing.
#}
{% macro pulmonary_infection_sofa(relation, key) -%}
    {%- set parts = [['resp', 4], ['coag', 4], ['liver', 4], ['cardio', 4], ['cns', 4], ['renal', 4]] -%}
    {%- set missing = missing_count(['resp', 'coag', 'liver', 'cardio', 'cns', 'renal']) -%}
    select
        {{ key }},
        resp,
        coag,
        liver,
        cardio,
        cns,
        renal,
        {{ item_min(parts) }} as min,
        {{ missing }} as missing_n,
        case when {{ missing }} <= 2 then {{ item_min(parts) }} end as total
    from (
        select
            {{ key }},
            case
                when pf < 100 and coalesce(resp_support, false) then 4
                when pf < 200 and coalesce(resp_support, false) then 3
                when pf < 300 then 2
                when pf < 400 then 1
                when pf >= 400 then 0
            end as resp,
            case
                when platelets < 20 then 4
                when platelets < 50 then 3
                when platelets < 100 then 2
                when platelets < 150 then 1
                when platelets >= 150 then 0
            end as coag,
            case
                when bilirubin > 204 then 4
                when bilirubin >= 102 then 3
                when bilirubin >= 33 then 2
                when bilirubin >= 20 then 1
                when bilirubin < 20 then 0
            end as liver,
            case
                when dopamine_ug_kg_min > 15 or epinephrine_ug_kg_min > 0.1 or norepinephrine_ug_kg_min > 0.1 then 4
                when dopamine_ug_kg_min > 5 or epinephrine_ug_kg_min > 0 or norepinephrine_ug_kg_min > 0 then 3
                when dopamine_ug_kg_min > 0 or dobutamine_ug_kg_min > 0 then 2
                when pressure < 70 then 1
                when pressure >= 70 then 0
            end as cardio,
            case
                when gcs <= 5 then 4
                when gcs <= 9 then 3
                when gcs <= 12 then 2
                when gcs <= 14 then 1
                when gcs = 15 then 0
            end as cns,
            greatest(
                case
                    when creatinine > 440 then 4
                    when creatinine >= 300 then 3
                    when creatinine >= 171 then 2
                    when creatinine >= 110 then 1
                    when creatinine < 110 then 0
                end,
                case when urine < 200 then 4 when urine < 500 then 3 when urine >= 500 then 0 end
            ) as renal
        from (
            select
                *,
                {{ within('pf_ratio', 20, 700) }} as pf,
                {{ within('platelets_10e9_l', 1, 2000) }} as platelets,
                {{ within('bilirubin_umol_l', 0.5, 1200) }} as bilirubin,
                {{ within('map_mmhg', 20, 200) }} as pressure,
                {{ whole_within('gcs_total', 3, 15) }} as gcs,
                {{ within('creatinine_umol_l', 5, 3000) }} as creatinine,
                {{ within('urine_ml_24h', 0, 30000) }} as urine
            from {{ relation }}
        )
    )
{%- endmacro %}


{#
    CO-RADS as the project derives it from features of the report (Prokop 2020 for the categories; the ties of
    pulmonary_infection.md 4.5, rules 5 to 10, are the project's). A feature that is not described is absent.
#}
{% macro pulmonary_infection_corads(relation, key) -%}
    {%- set features = [
        'ggo', 'multifocal', 'bilateral', 'subpleural', 'confirmatory_pattern', 'peribronchovascular_predominant',
        'severe_preexisting_lung_disease', 'perihilar_ggo', 'homogeneous_extensive_ggo', 'smooth_septal_thickening',
        'op_pattern', 'multifocal_consolidation', 'lobar_segmental_consolidation', 'tree_in_bud', 'centrilobular_nodules',
        'cavitation'
    ] -%}
    select
        {{ key }},
        case
            when coalesce(sarscov2_pcr_positive, false) then 6
            when not coalesce(report_exists, false) then null
            when not coalesce(ct_interpretable, true) then 0
            when ggo and multifocal and bilateral and subpleural
                then case
                    when
                        confirmatory_pattern and not (
                            peribronchovascular_predominant or severe_preexisting_lung_disease or tree_in_bud
                            or centrilobular_nodules or cavitation
                        )
                        then 5
                    else 4
                end
            when
                ggo and not other and not equivocal
                and ((subpleural and not bilateral) or (multifocal and bilateral and not subpleural))
                then 4
            when multifocal_consolidation and not ggo and not other and not op_pattern then 4
            when other and not ggo then 2
            when ggo or equivocal or op_pattern then 3
            else 1
        end as derived
    from (
        select
            *,
            tree_in_bud or centrilobular_nodules or cavitation or lobar_segmental_consolidation as other,
            perihilar_ggo or homogeneous_extensive_ggo or smooth_septal_thickening as equivocal
        from (
            select
                {{ key }},
                report_exists,
                ct_interpretable,
                sarscov2_pcr_positive,
                {% for name in features -%}
                    coalesce({{ name }}, false) as {{ name }}{% if not loop.last %},{% endif %}
                {% endfor %}
            from {{ relation }}
        )
    )
{%- endmacro %}


{#
    CT severity score of five lobes, 0 to 25 (Pan 2020 with continuous edges; pulmonary_infection.md 4.6). `partial` and
    `lobes_n` are of the lobes whose percentage is known.
#}
{% macro pulmonary_infection_ct_severity(relation, key) -%}
    {%- set lobes = ['rul', 'rml', 'rll', 'lul', 'lll'] -%}
    {%- set items = [['rul', 5], ['rml', 5], ['rll', 5], ['lul', 5], ['lll', 5]] -%}
    select
        {{ key }},
        rul,
        rml,
        rll,
        lul,
        lll,
        {{ item_total(items) }} as total,
        {{ item_min(items) }} as partial,
        5 - ({{ missing_count(lobes) }}) as lobes_n
    from (
        select
            {{ key }},
            {% for lobe in lobes -%}
                case
                    when not coalesce({{ lobe }}_pct between 0 and 100, false) then null
                    when {{ lobe }}_pct = 0 then 0
                    when {{ lobe }}_pct < 5 then 1
                    when {{ lobe }}_pct <= 25 then 2
                    when {{ lobe }}_pct < 50 then 3
                    when {{ lobe }}_pct <= 75 then 4
                    else 5
                end as {{ lobe }}{% if not loop.last %},{% endif %}
            {% endfor %}
        from {{ relation }}
    )
{%- endmacro %}


{#
    Severity of a confirmed infection: the worst class that applies (诊疗方案; pulmonary_infection.md 4.7). Critical flags
    that are missing are false; not severe is concluded only with a respiratory rate and an oxygen measurement.
#}
{% macro confirmed_infection_severity(relation, key, critical) -%}
    {%- set least = "case when coalesce(pneumonia_on_imaging, false) then 'moderate' else 'mild' end" -%}
    select
        {{ key }},
        severity,
        case when is_confirmed then coalesce(severity, {{ least }}) end as min
    from (
        select
            {{ key }},
            pneumonia_on_imaging,
            is_confirmed,
            case
                when not is_confirmed then null
                when is_critical then 'critical'
                when is_severe then 'severe'
                when rr is null or (spo2 is null and (pf is null or not is_adult)) then null
                when pneumonia_on_imaging then 'moderate'
                when not pneumonia_on_imaging then 'mild'
            end as severity
        from (
            select
                *,
                coalesce(spo2 <= 93, false) or case
                    when is_adult
                        then
                            coalesce(rr >= 30, false)
                            or coalesce(pf <= 300, false)
                            or coalesce(clinical_worsening and progression > 50, false)
                    else
                        coalesce(high_fever_gt3d, false)
                        or coalesce(
                            rr >= case when age < 2 then 60 when age < 12 then 50 when age < 72 then 40 else 30 end, false
                        )
                        or coalesce(resp_distress_signs, false)
                        or coalesce(impaired_consciousness_or_seizure, false)
                        or coalesce(feeding_difficulty_dehydration, false)
                end as is_severe
            from (
                select
                    *,
                    coalesce(confirmed, false) as is_confirmed,
                    {% for flag in critical -%}
                        coalesce({{ flag }}, false){% if not loop.last %} or {% endif %}
                    {%- endfor %} as is_critical,
                    {{ within('age_months', 0, 1440) }} as age,
                    coalesce({{ within('age_months', 0, 1440) }} >= 216, true) as is_adult,
                    {{ within('rr_per_min', 4, 80) }} as rr,
                    {{ within('spo2_room_air_pct', 50, 100) }} as spo2,
                    {{ within('pf_ratio', 20, 700) }} as pf,
                    {{ within('lesion_progression_24_48h_pct', -100, 1000) }} as progression
                from {{ relation }}
            )
        )
    )
{%- endmacro %}


{% macro pulmonary_infection_covid_severity(relation, key) -%}
    {{ confirmed_infection_severity(relation, key, ['resp_failure_with_mv', 'shock', 'other_organ_failure_icu']) }}
{%- endmacro %}


{# The same with acute necrotizing encephalopathy as critical (pulmonary_infection.md 4.7b). #}
{% macro pulmonary_infection_influenza_severity(relation, key) -%}
    {{ confirmed_infection_severity(
        relation, key,
        ['resp_failure_with_mv', 'shock', 'other_organ_failure_icu', 'acute_necrotizing_encephalopathy']
    ) }}
{%- endmacro %}


{#
    Severe CAP (中国成人社区获得性肺炎诊断和治疗指南 2016; pulmonary_infection.md 4.8): one major or three minor criteria;
    not severe only when no missing criterion could change that.
#}
{% macro pulmonary_infection_severe_cap(relation, key) -%}
    {%- set minors = [['respiration', 1], ['oxygenation', 1], ['multilobar', 1], ['mental', 1], ['urea', 1], ['pressure', 1]] -%}
    {%- set missing = missing_count(['respiration', 'oxygenation', 'multilobar', 'mental', 'urea', 'pressure']) -%}
    select
        {{ key }},
        major_n,
        {{ item_min(minors) }} as minor_n,
        {{ missing }} as minor_missing_n,
        case
            when major_n >= 1 or {{ item_min(minors) }} >= 3 then true
            when no_major and {{ item_min(minors) }} + {{ missing }} < 3 then false
        end as severe
    from (
        select
            {{ key }},
            cast(coalesce(invasive_mv, false) as integer)
            + cast(coalesce(septic_shock_vasopressor, false) as integer) as major_n,
            not invasive_mv and not septic_shock_vasopressor as no_major,
            {{ points(within('rr_per_min', 4, 80) ~ ' >= 30') }} as respiration,
            {{ points(within('pf_ratio', 20, 700) ~ ' <= 250') }} as oxygenation,
            cast(multilobar_infiltrates as integer) as multilobar,
            cast(confusion as integer) as mental,
            {{ points(within('urea_mmol_l', 0.1, 100) ~ ' >= 7.14') }} as urea,
            {{ points(within('sbp_mmhg', 30, 280) ~ ' < 90') }} as pressure
        from {{ relation }}
    )
{%- endmacro %}


{# ARDS by the Berlin definition (2012; pulmonary_infection.md 4.9); one criterion that fails decides alone. #}
{% macro pulmonary_infection_ards_berlin(relation, key) -%}
    select
        {{ key }},
        case
            when
                not onset_within_7d or not bilateral_opacities or not not_fully_cardiac or peep < 5 or pf > 300
                then 'none'
            when not (onset_within_7d and bilateral_opacities and not_fully_cardiac and peep >= 5) then null
            when (onset_within_7d and bilateral_opacities and not_fully_cardiac and peep >= 5) is null then null
            when pf <= 100 then 'severe'
            when pf <= 200 then 'moderate'
            when pf <= 300 then 'mild'
        end as grade
    from (
        select
            *,
            {{ within('peep_or_cpap_cmh2o', 0, 60) }} as peep,
            {{ within('pf_ratio', 20, 700) }} as pf
        from {{ relation }}
    )
{%- endmacro %}


{#
    Oxygenation index in mmHg (pulmonary_infection.md 4.10): PaO2 over the fraction of inspired oxygen, which is measured,
    that of room air, or estimated from the flow of a nasal cannula. A charted value that can be neither fraction nor
    percentage is an error, not a missing one.
#}
{% macro pulmonary_infection_pf_ratio(relation, key) -%}
    select
        {{ key }},
        fio2,
        case
            when fio2 is null then null
            when fio2_value is not null then 'measured'
            when lower(o2_device) = 'room_air' then 'room_air'
            else 'estimated'
        end as fio2_source,
        round({{ within('pao2_mmhg', 10, 700) }} / fio2, 1) as pf
    from (
        select
            {{ key }},
            fio2_value,
            o2_device,
            case
                when fio2_value between 0.21 and 1 then fio2_value
                when fio2_value between 21 and 100 then fio2_value / 100
                when fio2_value is not null then null
                when lower(o2_device) = 'room_air' then 0.21
                when lower(o2_device) = 'nasal_cannula' and o2_flow_l_min between 1 and 6 then 0.21 + 0.04 * o2_flow_l_min
            end as fio2,
            case
                when lower(pao2_unit) in ('mmhg', 'mm[hg]') then pao2
                when lower(pao2_unit) = 'kpa' then pao2 * 7.50062
            end as pao2_mmhg
        from {{ relation }}
    )
{%- endmacro %}
