with versions as (
    {{ with_versions(ref('stg_his__diagnosis'), ['visit_id', 'diagnosis_type', 'sequence_no']) }}
),

encounters as (
    select * from {{ ref('std_encounter') }}
),

types as (
    select * from {{ ref('mapping__diagnosis_type') }}
),

diagnoses as (
    select
        {{ surrogate_key(["'diagnosis'", 'versions.visit_id', 'versions.diagnosis_type', 'versions.sequence_no']) }}
            as diagnosis_key,
        {{ surrogate_key(["'encounter'", 'versions.visit_id']) }} as encounter_key,
        encounters.patient_key,
        versions.diagnosis_type as diagnosis_type_source_code,
        coalesce(types.diagnosis_type, 'unmapped') as diagnosis_type,
        try_cast(versions.sequence_no as integer) as sequence_no,
        versions.diagnosis_code as diagnosis_source_code,
        {{ normalise_icd_10('versions.diagnosis_code') }} as diagnosis_code,
        versions.diagnosis_name,
        case
            when regexp_matches(versions.diagnosis_name, '待排|待查|除外|疑似|可能|[?？]') then 'suspected'
            when versions.diagnosis_name is not null then 'confirmed'
        end as certainty,
        versions.present_on_admission,
        versions.diagnosed_at,
        encounters.encounter_key is null as is_orphan,
        versions.version_no,
        versions.source_system,
        versions.source_period,
        versions.load_id,
        versions.loaded_at
    from versions
    left join encounters
        on {{ surrogate_key(["'encounter'", 'versions.visit_id']) }} = encounters.encounter_key
    left join types on versions.diagnosis_type = types.source_value
    where versions.is_current
)

select * from diagnoses
