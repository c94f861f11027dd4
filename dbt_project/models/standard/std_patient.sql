with recursive registrations as (
    {{ with_versions(ref('stg_his__patient'), ['patient_id']) }}
),

sexes as (
    select * from {{ ref('mapping__sex') }}
),

current_registrations as (
    select * from registrations where is_current
),

merges as (
    select
        patient_id,
        merged_into_patient_id
    from current_registrations
    where merged_into_patient_id is not null and merged_into_patient_id <> patient_id
),

-- a merge may lead on to a merge; ten steps end a chain that runs in a circle
merge_steps as (
    select
        patient_id,
        merged_into_patient_id as survivor_id,
        1 as steps_taken
    from merges
    union all
    select
        merge_steps.patient_id,
        merges.merged_into_patient_id as survivor_id,
        merge_steps.steps_taken + 1 as steps_taken
    from merge_steps
    inner join merges on merge_steps.survivor_id = merges.patient_id
    where merge_steps.steps_taken < 10
),

survivors as (
    select
        patient_id,
        max_by(survivor_id, steps_taken) as survivor_id
    from merge_steps
    group by patient_id
),

patients as (
    select
        {{ surrogate_key(["'patient'", 'registrations.patient_id']) }} as patient_key,
        {{ surrogate_key(["'patient'", 'coalesce(survivors.survivor_id, registrations.patient_id)']) }}
            as survivor_patient_key,
        registrations.patient_id,
        registrations.patient_id_core,
        registrations.sex as sex_source_code,
        coalesce(sexes.sex, 'U') as sex,
        registrations.ethnicity,
        cast(registrations.birth_date as date) as birth_date,
        registrations.is_citizen_id_valid,
        registrations.is_test,
        coalesce({{ parse_boolean('registrations.is_void') }}, false) as is_void,
        survivors.survivor_id is not null as is_merged,
        registrations.registered_at,
        registrations.version_no,
        registrations.source_system,
        registrations.source_period,
        registrations.load_id,
        registrations.loaded_at
    from current_registrations as registrations
    left join survivors on registrations.patient_id = survivors.patient_id
    left join sexes on lower(registrations.sex) = lower(sexes.source_value)
)

select * from patients
