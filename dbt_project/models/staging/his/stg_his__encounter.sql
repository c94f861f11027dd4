with source as (
    select * from {{ source('his', 'encounter') }}
),

renamed as (
    select
        {{ pseudonym('encounter', 'visit_id') }} as visit_id,
        {{ pseudonym('patient', 'patient_id') }} as patient_id,
        {{ pseudonym('outpatient_no', 'outpatient_no') }} as outpatient_no,
        {{ pseudonym('inpatient_no', 'inpatient_no') }} as inpatient_no,
        {{ pseudonym('medical_record_no', 'medical_record_no') }} as medical_record_no,
        nullif(trim(encounter_class), '') as encounter_class,
        nullif(trim(admission_count), '') as admission_count,
        nullif(trim(department), '') as department,
        nullif(trim(discharge_department), '') as discharge_department,
        nullif(trim(ward), '') as ward,
        nullif(trim(admission_route), '') as admission_route,
        nullif(trim(discharge_disposition), '') as discharge_disposition,
        nullif(trim(is_cancelled), '') as is_cancelled,
        {{ parse_timestamp('admitted_at') }} as admitted_at,
        {{ parse_timestamp('discharged_at') }} as discharged_at,
        {{ parse_timestamp('icu_admitted_at') }} as icu_admitted_at,
        'his' as source_system,
        _src_period as source_period,
        _src_file as source_file,
        _src_row_no as source_row_no,
        _row_sha256 as row_sha256,
        _batch_id as load_id,
        _loaded_at as loaded_at
    from source
)

select * from renamed
