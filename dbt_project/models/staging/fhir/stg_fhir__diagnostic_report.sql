with source as (
    select * from {{ source('fhir', 'diagnostic_report') }}
),

renamed as (
    select
        {{ pseudonym('fhir_diagnostic_report', 'resource_id') }} as resource_id,
        {{ pseudonym('fhir_patient', 'patient_id') }} as patient_id,
        {{ pseudonym('patient_identifier', 'patient_identifier') }} as patient_identifier,
        {{ pseudonym('fhir_encounter', 'encounter_id') }} as encounter_id,
        {{ pseudonym('report_identifier', 'report_identifier') }} as report_identifier,
        {{ pseudonym('accession', 'accession_number') }} as accession_number,
        {{ pseudonym('accession_core', "regexp_replace(canonical_identifier(accession_number), '^[A-Z]+0*', '')") }}
            as accession_number_core,
        {{ pseudonym('based_on_ids', 'based_on_ids') }} as based_on_ids,
        {{ pseudonym('observation_ids', 'observation_ids') }} as observation_ids,
        {{ pseudonym('imaging_study_ids', 'imaging_study_ids') }} as imaging_study_ids,
        {{ pseudonym('specimen_ids', 'specimen_ids') }} as specimen_ids,
        nullif(trim(version_id), '') as version_id,
        nullif(trim(last_updated), '') as last_updated,
        nullif(trim(status), '') as status,
        nullif(trim(is_deleted), '') as is_deleted,
        nullif(trim(category_code), '') as category_code,
        nullif(trim(category_code_system), '') as category_code_system,
        nullif(trim(category_name), '') as category_name,
        nullif(trim(report_code), '') as report_code,
        nullif(trim(report_code_system), '') as report_code_system,
        nullif(trim(report_name), '') as report_name,
        nullif(trim(report_alternate_code), '') as report_alternate_code,
        nullif(trim(report_alternate_code_system), '') as report_alternate_code_system,
        nullif(trim(report_alternate_name), '') as report_alternate_name,
        nullif(trim(conclusion_code), '') as conclusion_code,
        nullif(trim(conclusion_code_system), '') as conclusion_code_system,
        nullif(trim(presented_type), '') as presented_type,
        {{ parse_timestamp('observed_at') }} as observed_at,
        {{ parse_timestamp('observed_end_at') }} as observed_end_at,
        {{ parse_timestamp('issued_at') }} as issued_at,
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
