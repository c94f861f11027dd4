with source as (
    select * from {{ source('fhir', 'condition') }}
),

cleaned as (
    select
        {{ clean('resource_id') }} as resource_id,
        {{ clean('version_id') }} as version_id,
        {{ clean('last_updated') }} as last_updated,
        {{ clean('status') }} as status,
        {{ clean('clinical_status') }} as clinical_status,
        {{ clean('is_deleted') }} as is_deleted,
        {{ clean('patient_id') }} as patient_id,
        {{ clean('patient_identifier') }} as patient_identifier,
        {{ clean('encounter_id') }} as encounter_id,
        {{ clean('condition_identifier') }} as condition_identifier,
        {{ clean('category_code') }} as category_code,
        {{ clean('category_code_system') }} as category_code_system,
        {{ clean('category_name') }} as category_name,
        condition_code as condition_source_code,
        {{ clean('condition_code') }} as condition_code,
        {{ clean('condition_code_system') }} as condition_code_system,
        {{ clean('condition_name') }} as condition_name,
        {{ clean('condition_alternate_code') }} as condition_alternate_code,
        {{ clean('condition_alternate_code_system') }} as condition_alternate_code_system,
        {{ clean('severity') }} as severity,
        {{ clean('body_site') }} as body_site,
        {{ clean('onset_at') }} as onset_at,
        {{ clean('abated_at') }} as abated_at,
        {{ clean('recorded_at') }} as recorded_at,
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
        {{ pseudonym('fhir_condition', 'resource_id') }} as resource_id,
        {{ pseudonym('fhir_patient', 'patient_id') }} as patient_id,
        {{ pseudonym('patient', 'patient_identifier') }} as patient_identifier,
        {{ pseudonym('fhir_encounter', 'encounter_id') }} as encounter_id,
        {{ pseudonym('condition_identifier', 'condition_identifier') }} as condition_identifier,
        nullif(trim(version_id), '') as version_id,
        nullif(trim(last_updated), '') as last_updated,
        nullif(trim(status), '') as status,
        nullif(trim(clinical_status), '') as clinical_status,
        nullif(trim(category_code), '') as category_code,
        nullif(trim(category_code_system), '') as category_code_system,
        nullif(trim(category_name), '') as category_name,
        nullif(trim(condition_source_code), '') as condition_source_code,
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
        _change as change,
        _change is not null
        or coalesce({{ parse_boolean('is_deleted') }}, false)
        or lower(trim(coalesce(status, ''))) = 'entered-in-error'
            as is_deleted,
        'fhir' as source_system,
        _src_period as source_period,
        _src_file as source_file,
        _src_row_no as source_row_no,
        _row_sha256 as row_sha256,
        _batch_id as load_id,
        _loaded_at as loaded_at
    from cleaned
)

select * from renamed
