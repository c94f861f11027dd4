with source as (
    select * from {{ source('path', 'report') }}
),

cleaned as (
    select
        {{ clean('pathology_id') }} as pathology_id,
        {{ clean('patient_id') }} as patient_id,
        {{ clean('patient_name') }} as patient_name,
        {{ clean('submitted_at') }} as submitted_at,
        {{ clean('reported_at') }} as reported_at,
        {{ clean('report_type') }} as report_type,
        {{ clean('visit_id') }} as visit_id,
        {{ clean('empi_id') }} as empi_id,
        {{ clean('inpatient_no') }} as inpatient_no,
        {{ clean('outpatient_no') }} as outpatient_no,
        {{ clean('medical_record_no') }} as medical_record_no,
        {{ clean('card_no') }} as card_no,
        {{ clean('sex') }} as sex,
        {{ clean('age') }} as age,
        {{ clean('birth_date') }} as birth_date,
        {{ clean('request_id') }} as request_id,
        {{ clean('specimen_no') }} as specimen_no,
        {{ clean('department') }} as department,
        {{ clean('collected_at') }} as collected_at,
        {{ clean('received_at') }} as received_at,
        {{ clean('verified_at') }} as verified_at,
        {{ clean('report_status') }} as report_status,
        {{ clean('report_version') }} as report_version,
        {{ clean('is_void') }} as is_void,
        gross,
        microscopic,
        immunohistochemistry,
        diagnosis,
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
        {{ pseudonym('report', 'pathology_id') }} as pathology_id,
        {{ pseudonym('patient', 'patient_id') }} as patient_id,
        {{ patient_core('patient_id') }} as patient_id_core,
        {{ pseudonym('encounter', 'visit_id') }} as visit_id,
        {{ pseudonym('empi_id', 'empi_id') }} as empi_id,
        {{ pseudonym('inpatient_no', 'inpatient_no') }} as inpatient_no,
        {{ pseudonym('outpatient_no', 'outpatient_no') }} as outpatient_no,
        {{ pseudonym('medical_record_no', 'medical_record_no') }} as medical_record_no,
        {{ pseudonym('card_no', 'card_no') }} as card_no,
        {{ pseudonym('order', 'request_id') }} as request_id,
        nullif(trim(report_type), '') as report_type,
        nullif(trim(sex), '') as sex,
        nullif(trim(age), '') as age,
        nullif(trim(specimen_no), '') as specimen_no,
        nullif(trim(department), '') as department,
        nullif(trim(report_status), '') as report_status,
        nullif(trim(report_version), '') as report_version,
        nullif(trim(is_void), '') as is_void,
        {{ person_record(
            'path',
            [
                'patient_id', 'empi_id', 'card_no', 'medical_record_no', 'inpatient_no', 'outpatient_no'
            ],
            'patient_name'
        ) }} as person_record_id,
        {{ text_digest(['gross', 'microscopic', 'immunohistochemistry', 'diagnosis']) }} as text_sha256,
        {{ text_quality(['gross', 'microscopic', 'diagnosis']) }} as text_quality,
        {{ parse_timestamp('submitted_at') }} as submitted_at,
        {{ parse_timestamp('reported_at') }} as reported_at,
        {{ parse_timestamp('birth_date') }} as birth_date,
        {{ parse_timestamp('collected_at') }} as collected_at,
        {{ parse_timestamp('received_at') }} as received_at,
        {{ parse_timestamp('verified_at') }} as verified_at,
        _change as change,
        _change is not null or coalesce({{ parse_boolean('is_void') }}, false) as is_deleted,
        'path' as source_system,
        _src_period as source_period,
        _src_file as source_file,
        _src_row_no as source_row_no,
        _row_sha256 as row_sha256,
        _batch_id as load_id,
        _loaded_at as loaded_at
    from cleaned
)

select * from renamed
