with source as (
    select * from {{ source('emr', 'document') }}
),

cleaned as (
    select
        {{ clean('document_id') }} as document_id,
        {{ clean('visit_id') }} as visit_id,
        {{ clean('patient_id') }} as patient_id,
        {{ clean('document_type') }} as document_type,
        {{ clean('recorded_at') }} as recorded_at,
        {{ clean('modified_at') }} as modified_at,
        {{ clean('is_valid') }} as is_valid,
        {{ clean('inpatient_no') }} as inpatient_no,
        {{ clean('medical_record_no') }} as medical_record_no,
        {{ clean('patient_name') }} as patient_name,
        {{ clean('created_at') }} as created_at,
        {{ clean('document_version') }} as document_version,
        {{ clean('is_void') }} as is_void,
        _change,
        _src_period,
        _src_file,
        _src_row_no,
        _row_sha256,
        _batch_id,
        _loaded_at
    from source
),

renamed as (
    select
        {{ pseudonym('document', 'document_id') }} as document_id,
        {{ pseudonym('encounter', 'visit_id') }} as visit_id,
        {{ pseudonym('patient', 'patient_id') }} as patient_id,
        {{ patient_core('patient_id') }} as patient_id_core,
        {{ pseudonym('inpatient_no', 'inpatient_no') }} as inpatient_no,
        {{ pseudonym('medical_record_no', 'medical_record_no') }} as medical_record_no,
        nullif(trim(document_type), '') as document_type,
        nullif(trim(is_valid), '') as is_valid,
        nullif(trim(document_version), '') as document_version,
        nullif(trim(is_void), '') as is_void,
        {{ person_record(
            'emr',
            [
                'patient_id', 'medical_record_no', 'inpatient_no'
            ],
            'patient_name'
        ) }} as person_record_id,
        {{ parse_timestamp('recorded_at') }} as recorded_at,
        {{ parse_timestamp('modified_at') }} as modified_at,
        {{ parse_timestamp('created_at') }} as created_at,
        _change as change,
        _change is not null or coalesce({{ parse_boolean('is_void') }}, false) as is_deleted,
        'emr' as source_system,
        _src_period as source_period,
        _src_file as source_file,
        _src_row_no as source_row_no,
        _row_sha256 as row_sha256,
        _batch_id as load_id,
        _loaded_at as loaded_at
    from cleaned
)

select * from renamed
