with source as (
    select * from {{ source('fhir', 'procedure') }}
),

cleaned as (
    select
        {{ clean('resource_id') }} as resource_id,
        {{ clean('version_id') }} as version_id,
        {{ clean('last_updated') }} as last_updated,
        {{ clean('status') }} as status,
        {{ clean('is_deleted') }} as is_deleted,
        {{ clean('patient_id') }} as patient_id,
        {{ clean('patient_identifier') }} as patient_identifier,
        {{ clean('encounter_id') }} as encounter_id,
        {{ clean('procedure_identifier') }} as procedure_identifier,
        {{ clean('based_on_ids') }} as based_on_ids,
        {{ clean('report_ids') }} as report_ids,
        {{ clean('part_of_ids') }} as part_of_ids,
        {{ clean('category_code') }} as category_code,
        {{ clean('category_code_system') }} as category_code_system,
        {{ clean('category_name') }} as category_name,
        procedure_code as procedure_source_code,
        {{ clean('procedure_code') }} as procedure_code,
        {{ clean('procedure_code_system') }} as procedure_code_system,
        {{ clean('procedure_name') }} as procedure_name,
        {{ clean('procedure_alternate_code') }} as procedure_alternate_code,
        {{ clean('procedure_alternate_code_system') }} as procedure_alternate_code_system,
        {{ clean('started_at') }} as started_at,
        {{ clean('ended_at') }} as ended_at,
        {{ clean('body_site') }} as body_site,
        {{ clean('location') }} as location,
        {{ clean('reason_code') }} as reason_code,
        {{ clean('reason_code_system') }} as reason_code_system,
        {{ clean('reason_condition_ids') }} as reason_condition_ids,
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
        {{ pseudonym('fhir_procedure', 'resource_id') }} as resource_id,
        {{ pseudonym('fhir_patient', 'patient_id') }} as patient_id,
        {{ pseudonym('patient', 'patient_identifier') }} as patient_identifier,
        {{ pseudonym('fhir_encounter', 'encounter_id') }} as encounter_id,
        {{ pseudonym('procedure_identifier', 'procedure_identifier') }} as procedure_identifier,
        {{ pseudonym('based_on_ids', 'based_on_ids') }} as based_on_ids,
        {{ pseudonym('fhir_diagnostic_report', 'report_ids') }} as report_ids,
        {{ pseudonym('part_of_ids', 'part_of_ids') }} as part_of_ids,
        {{ pseudonym('reason_condition_ids', 'reason_condition_ids') }} as reason_condition_ids,
        nullif(trim(version_id), '') as version_id,
        nullif(trim(last_updated), '') as last_updated,
        nullif(trim(status), '') as status,
        nullif(trim(category_code), '') as category_code,
        nullif(trim(category_code_system), '') as category_code_system,
        nullif(trim(category_name), '') as category_name,
        nullif(trim(procedure_source_code), '') as procedure_source_code,
        nullif(trim(procedure_code), '') as procedure_code,
        nullif(trim(procedure_code_system), '') as procedure_code_system,
        {{ mask_numbers('procedure_name') }} as procedure_name,
        nullif(trim(procedure_alternate_code), '') as procedure_alternate_code,
        nullif(trim(procedure_alternate_code_system), '') as procedure_alternate_code_system,
        nullif(trim(body_site), '') as body_site,
        nullif(trim(location), '') as location,
        nullif(trim(reason_code), '') as reason_code,
        nullif(trim(reason_code_system), '') as reason_code_system,
        {{ parse_timestamp('started_at') }} as started_at,
        {{ parse_timestamp('ended_at') }} as ended_at,
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
