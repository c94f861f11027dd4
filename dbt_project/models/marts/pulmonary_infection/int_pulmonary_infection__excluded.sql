with candidates as (
    select * from {{ ref('int_pulmonary_infection_candidate__qualify') }}
),

excluded as (
    select
        chain_key,
        patient_id,
        first_visit_id,
        arrival_time,
        visit_type,
        principal_icd10,
        principal_dx_text,
        pneumonia_on_imaging,
        fails_test_patient,
        fails_age,
        fails_only_excluded_codes,
        fails_no_rule,
        fails_imaging_contradicts,
        exclusion_reason,
        load_id,
        loaded_at
    from candidates
    where not is_eligible
)

select * from excluded
