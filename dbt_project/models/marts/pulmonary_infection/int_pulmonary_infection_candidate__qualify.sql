-- Every chain with any sign of the disease, one boolean per rule, then one verdict (pulmonary_infection.md 2.1).
-- Rule pathogen is not built yet, and of rule image_lab's first group only fever: docs/decisions/clinical-choices.md.
with chains as (
    select * from {{ ref('int_pulmonary_infection_chain__build') }}
),

patients as (
    select * from {{ ref('std_patient') }}
),

diagnoses as (
    select * from {{ ref('int_pulmonary_infection_diagnosis__match') }}
),

imaging as (
    select * from {{ ref('int_pulmonary_infection_imaging__read') }}
),

vital_signs as (
    select * from {{ ref('std_vital_sign') }}
    where not coalesce(is_deleted, false)
),

lab_results as (
    select *
    from {{ ref('std_lab_result') }}
    where value_status = 'ok' and not coalesce(is_deleted, false) and item_code in ('wbc', 'crp', 'pct')
),

orders as (
    select
        medical_orders.*,
        coalesce(medical_orders.executed_at, medical_orders.started_at) as given_at
    from {{ ref('std_medical_order') }} as medical_orders
    inner join {{ ref('value_set__antimicrobial') }} as antimicrobials
        on regexp_matches(medical_orders.item_source_name, antimicrobials.name_pattern)
    where medical_orders.order_status = 'active'
),

heads as (
    select
        chain_key,
        patient_key,
        max(first_visit_id) as first_visit_id,
        max(arrival_time) as arrival_time,
        max(admission_time) as admission_time,
        max(discharge_time) as discharge_time,
        max(icu_admit_time) as icu_admit_time,
        max(discharge_disposition) as discharge_disposition,
        max(visit_level) as visit_level,
        max(load_id) as load_id,
        max(loaded_at) as loaded_at
    from chains
    group by chain_key, patient_key
),

diagnosed as (
    select
        chains.chain_key,
        max(cast(diagnoses.code_role = 'include' as integer)) as include_code,
        max(cast(diagnoses.code_role = 'support' as integer)) as support_code,
        max(cast(diagnoses.code_role = 'infection' as integer)) as infection_code,
        max(cast(diagnoses.code_role = 'exclude' as integer)) as exclude_code,
        max(cast(diagnoses.text_class is not null and not diagnoses.text_needs_imaging as integer)) as text_hit,
        max(cast(diagnoses.text_class is not null and diagnoses.text_needs_imaging as integer))
            as text_hit_with_imaging,
        max(cast(
            diagnoses.code_role in ('include', 'infection', 'support')
            and coalesce(diagnoses.code_class, 'unspecified') <> 'unspecified' as integer
        )) as named_code_class,
        max(cast(coalesce(diagnoses.text_class, 'unspecified') <> 'unspecified' as integer)) as named_text_class,
        min_by(
            diagnoses.code_class,
            case
                when
                    diagnoses.code_role in ('include', 'infection', 'support') and diagnoses.code_class <> 'unspecified'
                    then diagnoses.sequence_no
            end
        ) as code_class,
        min_by(
            diagnoses.text_class,
            case when diagnoses.text_class <> 'unspecified' then diagnoses.sequence_no end
        ) as text_class,
        min_by(
            diagnoses.diagnosis_code,
            case when diagnoses.code_role in ('include', 'infection', 'support') then diagnoses.sequence_no end
        ) as principal_icd10,
        min_by(
            diagnoses.diagnosis_name,
            case
                when diagnoses.code_role in ('include', 'infection', 'support') or diagnoses.text_class is not null
                    then diagnoses.sequence_no
            end
        ) as principal_dx_text,
        max(cast(diagnoses.names_vap as integer)) as names_vap,
        max(cast(
            diagnoses.names_hap
            or (
                diagnoses.present_on_admission in ('4', '无')
                and diagnoses.code_role in ('include', 'support', 'infection')
            )
            as integer
        )) as names_hap
    from chains
    inner join diagnoses on chains.encounter_key = diagnoses.encounter_key
    group by chains.chain_key
),

imaged as (
    select
        heads.chain_key,
        max(cast(
            {{ hours_between('heads.arrival_time', 'imaging.study_time') }} >= -24
            and {{ hours_between('heads.arrival_time', 'imaging.study_time') }} < 72 as integer
        )) as imaged_w72,
        max(cast(
            {{ hours_between('heads.arrival_time', 'imaging.study_time') }} >= -24
            and {{ hours_between('heads.arrival_time', 'imaging.study_time') }} < 72
            and imaging.has_report as integer
        )) as reported_w72,
        max(cast(
            {{ hours_between('heads.arrival_time', 'imaging.study_time') }} >= -24
            and {{ hours_between('heads.arrival_time', 'imaging.study_time') }} < 72
            and imaging.shows_pneumonia as integer
        )) as pneumonia_w72,
        max(cast(imaging.shows_pneumonia as integer)) as pneumonia_within_7d,
        min(case
            when
                imaging.shows_pneumonia
                and {{ hours_between('heads.admission_time', 'imaging.study_time') }} >= 48
                then imaging.study_time
        end) as first_late_opacity_at
    from heads
    inner join imaging
        on
            heads.patient_key = imaging.patient_key
            and imaging.modality in ('CT', 'DX', 'CR')
            and {{ hours_between('heads.arrival_time', 'imaging.study_time') }} >= -24
            and {{ hours_between('heads.arrival_time', 'imaging.study_time') }} < 168
    group by heads.chain_key
),

feverish as (
    select
        chains.chain_key,
        max(vital_signs.temperature_cel) as temperature_cel
    from chains
    inner join vital_signs on chains.encounter_key = vital_signs.encounter_key
    where
        {{ hours_between('chains.arrival_time', 'vital_signs.measured_at') }} >= -24
        and {{ hours_between('chains.arrival_time', 'vital_signs.measured_at') }} < 72
    group by chains.chain_key
),

inflamed as (
    select
        heads.chain_key,
        max(cast(
            (lab_results.item_code = 'wbc' and (lab_results.canonical_value > 10 or lab_results.canonical_value < 4))
            or (lab_results.item_code = 'crp' and lab_results.canonical_value > 10)
            or (lab_results.item_code = 'pct' and lab_results.canonical_value >= 0.25) as integer
        )) as inflammation
    from heads
    inner join lab_results
        on
            heads.patient_key = lab_results.patient_key
            and {{ hours_between('heads.arrival_time', 'lab_results.collected_at') }} >= -24
            and {{ hours_between('heads.arrival_time', 'lab_results.collected_at') }} < 72
    group by heads.chain_key
),

treated as (
    select
        chains.chain_key,
        min(orders.given_at) as first_antimicrobial_time
    from chains
    inner join orders on chains.encounter_key = orders.encounter_key
    where orders.given_at >= chains.arrival_time
    group by chains.chain_key
),

facts as (
    select
        heads.*,
        patients.patient_id,
        patients.sex,
        patients.birth_date,
        patients.is_test,
        case heads.visit_level when 2 then 'inpatient' when 1 then 'ed_only' else 'outpatient_only' end as visit_type,
        {{ completed_years('patients.birth_date', 'cast(heads.arrival_time as date)') }} as age_years,
        {{ hours_between('cast(patients.birth_date as timestamp)', 'heads.arrival_time') }} / 24.0 as age_days,
        coalesce(diagnosed.include_code, 0) = 1 as has_include_code,
        coalesce(diagnosed.support_code, 0) = 1 as has_support_code,
        coalesce(diagnosed.infection_code, 0) = 1 as has_infection_code,
        coalesce(diagnosed.exclude_code, 0) = 1 as has_exclude_code,
        coalesce(diagnosed.text_hit, 0) = 1 as has_text,
        coalesce(diagnosed.text_hit_with_imaging, 0) = 1 as has_text_with_imaging,
        coalesce(diagnosed.named_code_class, 0) = 1 as has_named_code_class,
        coalesce(diagnosed.named_text_class, 0) = 1 as has_named_text_class,
        diagnosed.code_class,
        diagnosed.text_class,
        diagnosed.principal_icd10,
        diagnosed.principal_dx_text,
        coalesce(diagnosed.names_vap, 0) = 1 as names_vap,
        coalesce(diagnosed.names_hap, 0) = 1 as names_hap,
        coalesce(imaged.imaged_w72, 0) = 1 as has_imaging_w72,
        case
            when imaged.pneumonia_w72 = 1 then true
            when imaged.reported_w72 = 1 then false
        end as pneumonia_on_imaging,
        coalesce(imaged.pneumonia_within_7d, 0) = 1 as has_pneumonia_within_7d,
        imaged.first_late_opacity_at,
        feverish.temperature_cel >= 38.0 as has_fever,
        coalesce(inflamed.inflammation, 0) = 1 as has_inflammation,
        treated.first_antimicrobial_time
    from heads
    inner join patients on heads.patient_key = patients.patient_key
    left join diagnosed on heads.chain_key = diagnosed.chain_key
    left join imaged on heads.chain_key = imaged.chain_key
    left join feverish on heads.chain_key = feverish.chain_key
    left join inflamed on heads.chain_key = inflamed.chain_key
    left join treated on heads.chain_key = treated.chain_key
),

rules as (
    select
        *,
        visit_type = 'inpatient' or has_pneumonia_within_7d as meets_imaging_condition,
        coalesce(pneumonia_on_imaging, false) as shows_pneumonia_w72
    from facts
),

qualified as (
    select
        *,
        (has_include_code and meets_imaging_condition)
        or (has_support_code and shows_pneumonia_w72 and meets_imaging_condition)
        or (has_infection_code and has_imaging_w72) as meets_icd,
        (has_text or (has_text_with_imaging and shows_pneumonia_w72)) and meets_imaging_condition as meets_text,
        shows_pneumonia_w72
        and coalesce(has_fever, false)
        and has_inflammation
        and coalesce({{ hours_between('arrival_time', 'first_antimicrobial_time') }} <= 48, false) as meets_image_lab
    from rules
    where
        has_include_code or has_support_code or has_infection_code or has_exclude_code or has_text
        or has_text_with_imaging or shows_pneumonia_w72
),

judged as (
    select
        *,
        case when meets_icd then 'icd' when meets_text then 'text' when meets_image_lab then 'image_lab' end
            as qualifying_rule,
        has_infection_code and not has_include_code and not (has_support_code and shows_pneumonia_w72)
            as is_by_infection_role,
        case
            when has_named_code_class then code_class
            when has_named_text_class then text_class
            else 'unspecified'
        end as pi_etiology,
        coalesce(age_days < 28, false) as fails_age,
        has_exclude_code
        and not (has_include_code or has_support_code or has_infection_code or has_text or has_text_with_imaging)
            as fails_only_excluded_codes,
        not(meets_icd or meets_text or meets_image_lab) as fails_no_rule,
        (meets_icd or meets_text)
        and not has_named_code_class and not has_named_text_class
        and has_imaging_w72 and coalesce(not pneumonia_on_imaging, false) as fails_imaging_contradicts,
        is_test as fails_test_patient
    from qualified
),

verdicts as (
    select
        *,
        not(fails_age or fails_only_excluded_codes or fails_no_rule or fails_imaging_contradicts or fails_test_patient)
            as is_eligible,
        case
            when fails_test_patient then 'test_patient'
            when fails_age then 'age_under_28_days'
            when fails_only_excluded_codes then 'only_excluded_codes'
            when fails_no_rule then 'no_rule_met'
            when fails_imaging_contradicts then 'imaging_contradicts_unspecified'
        end as exclusion_reason,
        case when names_vap then 'VAP' when names_hap then 'HAP' else 'CAP' end as pi_type
    from judged
)

select * from verdicts
