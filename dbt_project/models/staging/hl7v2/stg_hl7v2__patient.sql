with source as (
    select * from {{ source('hl7v2', 'patient') }}
),

renamed as (
    select
        {{ pseudonym('message_control', 'message_control_id') }} as message_control_id,
        {{ pseudonym('patient', 'patient_id') }} as patient_id,
        {{ pseudonym('patient_core', "ltrim(patient_id, '0 ')") }} as patient_id_core,
        {{ pseudonym('account_number', 'account_number') }} as account_number,
        {{ pseudonym('mother_identifier', 'mother_identifier') }} as mother_identifier,
        nullif(trim(sending_application), '') as sending_application,
        nullif(trim(sending_facility), '') as sending_facility,
        nullif(trim(message_type), '') as message_type,
        nullif(trim(trigger_event), '') as trigger_event,
        nullif(trim(patient_number), '') as patient_number,
        nullif(trim(patient_id_authority), '') as patient_id_authority,
        nullif(trim(patient_id_type), '') as patient_id_type,
        nullif(trim(set_id), '') as set_id,
        nullif(trim(sex), '') as sex,
        nullif(trim(ethnic_group), '') as ethnic_group,
        nullif(trim(marital_status), '') as marital_status,
        nullif(trim(identity_unknown_indicator), '') as identity_unknown_indicator,
        {{ parse_timestamp('sent_at') }} as sent_at,
        {{ parse_timestamp('birth_date') }} as birth_date,
        {{ parse_timestamp('died_at') }} as died_at,
        {{ parse_timestamp('last_updated_at') }} as last_updated_at,
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
