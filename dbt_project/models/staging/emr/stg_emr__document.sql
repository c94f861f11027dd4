with source as (
    select * from {{ source('emr', 'document') }}
),

renamed as (
    select
        {{ pseudonym('document', 'document_id') }} as document_id,
        {{ pseudonym('encounter', 'visit_id') }} as visit_id,
        {{ pseudonym('patient', 'patient_id') }} as patient_id,
        {{ pseudonym('patient_core', "ltrim(patient_id, '0 ')") }} as patient_id_core,
        nullif(trim(document_type), '') as document_type,
        nullif(trim(is_valid), '') as is_valid,
        {{ parse_timestamp('recorded_at') }} as recorded_at,
        {{ parse_timestamp('modified_at') }} as modified_at,
        'emr' as source_system,
        _src_period as source_period,
        _src_file as source_file,
        _src_row_no as source_row_no,
        _row_sha256 as row_sha256,
        _batch_id as load_id,
        _loaded_at as loaded_at
    from source
)

select * from renamed
