with source as (
    select * from {{ source('fhir', 'condition') }}
),

renamed as (
    select
        {{ pseudonym('fhir_condition', 'resource_id') }} as resource_id,
        {{ pseudonym('fhir_patient', 'patient_id') }} as patient_id,
        {{ pseudonym('patient_identifier', 'patient_identifier') }} as patient_identifier,
        {{ pseudonym('fhir_encounter', 'encounter_id') }} as encounter_id,
        {{ pseudonym('condition_identifier', 'condition_identifier') }} as condition_identifier,
        nullif(trim(version_id), '') as version_id,
        nullif(trim(last_updated), '') as last_updated,
        nullif(trim(status), '') as status,
        nullif(trim(clinical_status), '') as clinical_status,
        nullif(trim(is_deleted), '') as is_deleted,
        nullif(trim(category_code), '') as category_code,
        nullif(trim(category_code_system), '') as category_code_system,
        nullif(trim(category_name), '') as category_name,
        nullif(trim(condition_code), '') as condition_code,
        nullif(trim(condition_code_system), '') as condition_code_system,
        {{ mask_numbers('condition_name') }} as condition_name,
        nullif(trim(condition_alternate_code), '') as condition_alternate_code,
        nullif(trim(condition_alternate_code_system), '') as condition_alternate_code_system,
        nullif(trim(severity), '') as severity,
        nullif(trim(body_site), '') as body_site,
        {{ parse_timestamp('onset_at') }} as onset_at,
        {{ parse_timestamp('abated_at') }} as abated_at,
        {{ parse_timestamp('recorded_at') }} as recorded_at,
        'fhir' as source_system,
        _src_period as source_period,
        _src_file as source_file,
        _src_row_no as source_row_no,
        _row_sha256 as row_sha256,
        _batch_id as load_id,
        _loaded_at as loaded_at
    from source
)

select * from renamed
