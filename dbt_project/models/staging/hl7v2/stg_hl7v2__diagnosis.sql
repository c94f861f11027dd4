with source as (
    select * from {{ source('hl7v2', 'diagnosis') }}
),

renamed as (
    select
        {{ pseudonym('message_control', 'message_control_id') }} as message_control_id,
        {{ pseudonym('patient', 'patient_id') }} as patient_id,
        {{ pseudonym('patient_core', "ltrim(patient_id, '0 ')") }} as patient_id_core,
        {{ pseudonym('encounter', 'visit_id') }} as visit_id,
        {{ pseudonym('diagnosis_identifier', 'diagnosis_identifier') }} as diagnosis_identifier,
        nullif(trim(sending_application), '') as sending_application,
        nullif(trim(sending_facility), '') as sending_facility,
        nullif(trim(message_type), '') as message_type,
        nullif(trim(trigger_event), '') as trigger_event,
        nullif(trim(diagnosis_number), '') as diagnosis_number,
        nullif(trim(patient_id_authority), '') as patient_id_authority,
        nullif(trim(set_id), '') as set_id,
        nullif(trim(coding_method), '') as coding_method,
        nullif(trim(diagnosis_code), '') as diagnosis_code,
        {{ mask_numbers('diagnosis_name') }} as diagnosis_name,
        nullif(trim(diagnosis_code_system), '') as diagnosis_code_system,
        nullif(trim(alternate_code), '') as alternate_code,
        nullif(trim(alternate_code_system), '') as alternate_code_system,
        nullif(trim(diagnosis_type), '') as diagnosis_type,
        nullif(trim(priority), '') as priority,
        nullif(trim(action_code), '') as action_code,
        {{ parse_timestamp('sent_at') }} as sent_at,
        {{ parse_timestamp('diagnosed_at') }} as diagnosed_at,
        {{ parse_timestamp('attested_at') }} as attested_at,
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
