with source as (
    select * from {{ source('hl7v2', 'report') }}
),

renamed as (
    select
        {{ pseudonym('message_control', 'message_control_id') }} as message_control_id,
        {{ pseudonym('patient', 'patient_id') }} as patient_id,
        {{ pseudonym('patient_core', "ltrim(patient_id, '0 ')") }} as patient_id_core,
        {{ pseudonym('encounter', 'visit_id') }} as visit_id,
        {{ pseudonym('placer_order', 'placer_order_id') }} as placer_order_id,
        {{ pseudonym('filler_order', 'filler_order_id') }} as filler_order_id,
        {{ pseudonym('accession', 'accession_number') }} as accession_number,
        {{ pseudonym('accession_core', "regexp_replace(canonical_identifier(accession_number), '^[A-Z]+0*', '')") }}
            as accession_number_core,
        {{ pseudonym('uid', 'study_instance_uid') }} as study_instance_uid,
        {{ pseudonym('placer_field_1', 'placer_field_1') }} as placer_field_1,
        {{ pseudonym('placer_field_2', 'placer_field_2') }} as placer_field_2,
        {{ pseudonym('filler_field_1', 'filler_field_1') }} as filler_field_1,
        {{ pseudonym('filler_field_2', 'filler_field_2') }} as filler_field_2,
        nullif(trim(sending_application), '') as sending_application,
        nullif(trim(sending_facility), '') as sending_facility,
        nullif(trim(message_type), '') as message_type,
        nullif(trim(trigger_event), '') as trigger_event,
        nullif(trim(request_number), '') as request_number,
        nullif(trim(patient_id_authority), '') as patient_id_authority,
        nullif(trim(set_id), '') as set_id,
        nullif(trim(modality), '') as modality,
        nullif(trim(service_code), '') as service_code,
        nullif(trim(service_name), '') as service_name,
        nullif(trim(service_code_system), '') as service_code_system,
        nullif(trim(alternate_service_code), '') as alternate_service_code,
        nullif(trim(alternate_service_name), '') as alternate_service_name,
        nullif(trim(specimen_source), '') as specimen_source,
        nullif(trim(diagnostic_service_section), '') as diagnostic_service_section,
        nullif(trim(result_status), '') as result_status,
        nullif(trim(abnormal_flag), '') as abnormal_flag,
        nullif(trim(text_status), '') as text_status,
        nullif(trim(text_line_count), '') as text_line_count,
        nullif(trim(withdrawn_line_count), '') as withdrawn_line_count,
        {{ parse_timestamp('sent_at') }} as sent_at,
        {{ parse_timestamp('requested_at') }} as requested_at,
        {{ parse_timestamp('specimen_received_at') }} as specimen_received_at,
        {{ parse_timestamp('observed_at') }} as observed_at,
        {{ parse_timestamp('reported_at') }} as reported_at,
        {{ parse_timestamp('text_observed_at') }} as text_observed_at,
        'hl7v2' as source_system,
        _src_period as source_period,
        _src_file as source_file,
        _src_row_no as source_row_no,
        _row_sha256 as row_sha256,
        _batch_id as load_id,
        _loaded_at as loaded_at
    from source
)

select * from renamed
