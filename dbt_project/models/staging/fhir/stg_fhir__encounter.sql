with source as (
    select * from {{ source('fhir', 'encounter') }}
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
        {{ clean('visit_id') }} as visit_id,
        {{ clean('visit_id_system') }} as visit_id_system,
        {{ clean('pre_admission_id') }} as pre_admission_id,
        {{ clean('part_of_id') }} as part_of_id,
        {{ clean('class_code') }} as class_code,
        {{ clean('class_name') }} as class_name,
        {{ clean('type_code') }} as type_code,
        {{ clean('type_code_system') }} as type_code_system,
        {{ clean('type_name') }} as type_name,
        {{ clean('priority') }} as priority,
        {{ clean('service_type') }} as service_type,
        {{ clean('started_at') }} as started_at,
        {{ clean('ended_at') }} as ended_at,
        {{ clean('department') }} as department,
        {{ clean('service_provider_id') }} as service_provider_id,
        {{ clean('location') }} as location,
        {{ clean('location_ids') }} as location_ids,
        {{ clean('admit_source') }} as admit_source,
        {{ clean('discharge_disposition_code') }} as discharge_disposition_code,
        {{ clean('discharge_disposition_name') }} as discharge_disposition_name,
        {{ clean('reason_code') }} as reason_code,
        {{ clean('reason_code_system') }} as reason_code_system,
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
        {{ pseudonym('fhir_encounter', 'resource_id') }} as resource_id,
        {{ pseudonym('fhir_patient', 'patient_id') }} as patient_id,
        {{ pseudonym('patient', 'patient_identifier') }} as patient_identifier,
        {{ pseudonym('encounter', 'visit_id') }} as visit_id,
        {{ pseudonym('pre_admission', 'pre_admission_id') }} as pre_admission_id,
        {{ pseudonym('fhir_encounter', 'part_of_id') }} as part_of_id,
        nullif(trim(version_id), '') as version_id,
        nullif(trim(last_updated), '') as last_updated,
        nullif(trim(status), '') as status,
        nullif(trim(visit_id_system), '') as visit_id_system,
        nullif(trim(class_code), '') as class_code,
        nullif(trim(class_name), '') as class_name,
        nullif(trim(type_code), '') as type_code,
        nullif(trim(type_code_system), '') as type_code_system,
        nullif(trim(type_name), '') as type_name,
        nullif(trim(priority), '') as priority,
        nullif(trim(service_type), '') as service_type,
        nullif(trim(department), '') as department,
        nullif(trim(service_provider_id), '') as service_provider_id,
        nullif(trim(location), '') as location,
        nullif(trim(location_ids), '') as location_ids,
        nullif(trim(admit_source), '') as admit_source,
        nullif(trim(discharge_disposition_code), '') as discharge_disposition_code,
        nullif(trim(discharge_disposition_name), '') as discharge_disposition_name,
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
