with source as (
    select * from {{ source('fhir', 'imaging_study') }}
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
        {{ clean('study_instance_uid') }} as study_instance_uid,
        {{ clean('accession_number') }} as accession_number,
        {{ clean('based_on_ids') }} as based_on_ids,
        {{ clean('modality') }} as modality,
        {{ clean('started_at') }} as started_at,
        {{ clean('description') }} as description,
        {{ clean('series_count') }} as series_count,
        {{ clean('instance_count') }} as instance_count,
        {{ clean('body_site') }} as body_site,
        {{ clean('series_description') }} as series_description,
        {{ clean('procedure_code') }} as procedure_code,
        {{ clean('procedure_code_system') }} as procedure_code_system,
        {{ clean('procedure_name') }} as procedure_name,
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
        {{ pseudonym('fhir_imaging_study', 'resource_id') }} as resource_id,
        {{ pseudonym('fhir_patient', 'patient_id') }} as patient_id,
        {{ pseudonym('patient', 'patient_identifier') }} as patient_identifier,
        {{ pseudonym('fhir_encounter', 'encounter_id') }} as encounter_id,
        {{ pseudonym('uid', 'study_instance_uid') }} as study_instance_uid,
        {{ pseudonym('accession', 'accession_number') }} as accession_number,
        {{ accession_core('accession_number') }} as accession_number_core,
        {{ pseudonym('based_on_ids', 'based_on_ids') }} as based_on_ids,
        nullif(trim(version_id), '') as version_id,
        nullif(trim(last_updated), '') as last_updated,
        nullif(trim(status), '') as status,
        nullif(trim(modality), '') as modality,
        nullif(trim(series_count), '') as series_count,
        nullif(trim(instance_count), '') as instance_count,
        nullif(trim(body_site), '') as body_site,
        nullif(trim(procedure_code), '') as procedure_code,
        nullif(trim(procedure_code_system), '') as procedure_code_system,
        nullif(trim(reason_code), '') as reason_code,
        nullif(trim(reason_code_system), '') as reason_code_system,
        {{ body_part_of("concat_ws(' ', description, series_description, body_site, procedure_name)") }} as body_part,
        {{ parse_timestamp('started_at') }} as started_at,
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
