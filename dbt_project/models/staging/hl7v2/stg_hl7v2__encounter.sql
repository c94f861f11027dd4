with source as (
    select * from {{ source('hl7v2', 'encounter') }}
),

renamed as (
    select
        {{ pseudonym('message_control', 'message_control_id') }} as message_control_id,
        {{ pseudonym('patient', 'patient_id') }} as patient_id,
        {{ pseudonym('patient_core', "ltrim(patient_id, '0 ')") }} as patient_id_core,
        {{ pseudonym('encounter', 'visit_id') }} as visit_id,
        {{ pseudonym('alternate_visit', 'alternate_visit_id') }} as alternate_visit_id,
        {{ pseudonym('preadmit_number', 'preadmit_number') }} as preadmit_number,
        nullif(trim(sending_application), '') as sending_application,
        nullif(trim(sending_facility), '') as sending_facility,
        nullif(trim(message_type), '') as message_type,
        nullif(trim(trigger_event), '') as trigger_event,
        nullif(trim(encounter_number), '') as encounter_number,
        nullif(trim(patient_id_authority), '') as patient_id_authority,
        nullif(trim(visit_id_authority), '') as visit_id_authority,
        nullif(trim(set_id), '') as set_id,
        nullif(trim(patient_class), '') as patient_class,
        nullif(trim(admission_type), '') as admission_type,
        nullif(trim(ward), '') as ward,
        nullif(trim(room), '') as room,
        nullif(trim(facility), '') as facility,
        nullif(trim(prior_ward), '') as prior_ward,
        nullif(trim(hospital_service), '') as hospital_service,
        nullif(trim(readmission_indicator), '') as readmission_indicator,
        nullif(trim(admit_source), '') as admit_source,
        nullif(trim(admit_reason_code), '') as admit_reason_code,
        nullif(trim(patient_type), '') as patient_type,
        nullif(trim(discharge_disposition), '') as discharge_disposition,
        nullif(trim(discharged_to), '') as discharged_to,
        nullif(trim(account_status), '') as account_status,
        nullif(trim(visit_indicator), '') as visit_indicator,
        {{ parse_timestamp('sent_at') }} as sent_at,
        {{ parse_timestamp('event_at') }} as event_at,
        {{ parse_timestamp('admitted_at') }} as admitted_at,
        {{ parse_timestamp('discharged_at') }} as discharged_at,
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
