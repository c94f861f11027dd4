with source as (
    select * from {{ source('hl7v2', 'observation') }}
),

renamed as (
    select
        {{ pseudonym('message_control', 'message_control_id') }} as message_control_id,
        {{ pseudonym('patient', 'patient_id') }} as patient_id,
        {{ pseudonym('patient_core', "ltrim(patient_id, '0 ')") }} as patient_id_core,
        {{ pseudonym('encounter', 'visit_id') }} as visit_id,
        {{ pseudonym('filler_order', 'filler_order_id') }} as filler_order_id,
        {{ pseudonym('placer_order', 'placer_order_id') }} as placer_order_id,
        nullif(trim(sending_application), '') as sending_application,
        nullif(trim(sending_facility), '') as sending_facility,
        nullif(trim(message_type), '') as message_type,
        nullif(trim(trigger_event), '') as trigger_event,
        nullif(trim(observation_number), '') as observation_number,
        nullif(trim(request_number), '') as request_number,
        nullif(trim(patient_id_authority), '') as patient_id_authority,
        nullif(trim(set_id), '') as set_id,
        nullif(trim(sub_id), '') as sub_id,
        nullif(trim(observation_code), '') as observation_code,
        nullif(trim(observation_name), '') as observation_name,
        nullif(trim(observation_code_system), '') as observation_code_system,
        nullif(trim(alternate_code), '') as alternate_code,
        nullif(trim(alternate_name), '') as alternate_name,
        nullif(trim(alternate_code_system), '') as alternate_code_system,
        nullif(trim(value_type), '') as value_type,
        {{ measured_value('value') }} as value,
        nullif(trim(value_code), '') as value_code,
        nullif(trim(value_code_system), '') as value_code_system,
        nullif(trim(value_rejoined_count), '') as value_rejoined_count,
        nullif(trim(units), '') as units,
        nullif(trim(reference_range), '') as reference_range,
        nullif(trim(abnormal_flags), '') as abnormal_flags,
        nullif(trim(status), '') as status,
        nullif(trim(producer_id), '') as producer_id,
        nullif(trim(observation_method), '') as observation_method,
        nullif(trim(equipment), '') as equipment,
        {{ parse_timestamp('sent_at') }} as sent_at,
        {{ parse_timestamp('observed_at') }} as observed_at,
        {{ parse_timestamp('analysed_at') }} as analysed_at,
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
