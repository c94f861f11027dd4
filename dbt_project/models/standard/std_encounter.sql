with versions as (
    {{ with_versions(ref('stg_his__encounter'), ['visit_id']) }}
),

patients as (
    select * from {{ ref('std_patient') }}
),

classes as (
    select * from {{ ref('mapping__encounter_class') }}
),

encounters as (
    select
        {{ surrogate_key(["'encounter'", 'versions.visit_id']) }} as encounter_key,
        -- a merged registration's encounters belong to the person it was merged into
        patients.survivor_patient_key as patient_key,
        versions.visit_id,
        versions.outpatient_no,
        versions.inpatient_no,
        versions.medical_record_no,
        versions.encounter_class as encounter_class_source_code,
        coalesce(classes.encounter_class, 'unmapped') as encounter_class,
        try_cast(versions.admission_count as integer) as admission_count,
        versions.department,
        versions.discharge_department,
        versions.ward,
        versions.admission_route,
        versions.discharge_disposition as discharge_disposition_source_code,
        case versions.discharge_disposition
            when '1' then 'home'
            when '2' then 'transfer_order'
            when '3' then 'transfer_community'
            when '4' then 'against_advice'
            when '5' then 'death'
            when '9' then 'other'
        end as discharge_disposition,
        case
            when coalesce({{ parse_boolean('versions.is_cancelled') }}, false) then 'cancelled'
            when classes.encounter_class = 'inpatient' and versions.discharged_at is null then 'active'
            else 'finished'
        end as encounter_status,
        versions.admitted_at,
        versions.discharged_at,
        versions.icu_admitted_at,
        patients.patient_key is null as is_orphan,
        versions.version_no,
        versions.source_system,
        versions.source_period,
        versions.load_id,
        versions.loaded_at
    from versions
    left join patients on versions.patient_id = patients.patient_id
    left join classes on versions.encounter_class = classes.source_value
    where versions.is_current
)

select * from encounters
