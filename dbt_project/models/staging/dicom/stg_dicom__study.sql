with source as (
    select * from {{ source('dicom', 'study') }}
),

renamed as (
    select
        {{ pseudonym('uid', 'study_instance_uid') }} as study_instance_uid,
        {{ pseudonym('accession', 'accession_number') }} as accession_number,
        {{ accession_core('accession_number') }}
            as accession_number_core,
        {{ pseudonym('study', 'study_id') }} as study_id,
        {{ pseudonym('admission', 'admission_id') }} as admission_id,
        {{ pseudonym('patient', 'patient_id') }} as patient_id,
        {{ pseudonym('other_patient_ids', 'other_patient_ids') }} as other_patient_ids,
        study_date,
        study_time,
        nullif(trim(patient_sex), '') as patient_sex,
        nullif(trim(patient_age), '') as patient_age,
        nullif(trim(requesting_service), '') as requesting_service,
        nullif(trim(modalities), '') as modalities,
        n_series,
        n_instances,
        is_present,
        nullif(trim(fingerprint), '') as fingerprint,
        {{ body_part_of('study_description') }} as body_part,
        {{ instant_of('study_date', 'study_time') }} as study_at,
        'dicom' as source_system,
        batch_id as load_id,
        loaded_at
    from source
)

select * from renamed
