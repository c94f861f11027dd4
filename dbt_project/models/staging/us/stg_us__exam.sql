with source as (
    select * from {{ source('us', 'exam') }}
),

cleaned as (
    select
        {{ clean('exam_id') }} as exam_id,
        {{ clean('patient_id') }} as patient_id,
        {{ clean('patient_name') }} as patient_name,
        {{ clean('sex') }} as sex,
        {{ clean('age') }} as age,
        {{ clean('exam_item') }} as exam_item,
        {{ clean('examined_at') }} as examined_at,
        {{ clean('verifier') }} as verifier,
        {{ clean('visit_id') }} as visit_id,
        {{ clean('empi_id') }} as empi_id,
        {{ clean('inpatient_no') }} as inpatient_no,
        {{ clean('outpatient_no') }} as outpatient_no,
        {{ clean('medical_record_no') }} as medical_record_no,
        {{ clean('card_no') }} as card_no,
        {{ clean('birth_date') }} as birth_date,
        {{ clean('accession_number') }} as accession_number,
        {{ clean('request_id') }} as request_id,
        {{ clean('study_instance_uid') }} as study_instance_uid,
        {{ clean('body_part') }} as body_part,
        {{ clean('device') }} as device,
        {{ clean('reported_at') }} as reported_at,
        {{ clean('verified_at') }} as verified_at,
        {{ clean('report_status') }} as report_status,
        {{ clean('report_version') }} as report_version,
        {{ clean('positive_flag') }} as positive_flag,
        {{ clean('is_void') }} as is_void,
        findings,
        impression,
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
        {{ pseudonym('report', 'exam_id') }} as exam_id,
        {{ pseudonym('patient', 'patient_id') }} as patient_id,
        {{ patient_core('patient_id') }} as patient_id_core,
        {{ pseudonym('encounter', 'visit_id') }} as visit_id,
        {{ pseudonym('empi_id', 'empi_id') }} as empi_id,
        {{ pseudonym('inpatient_no', 'inpatient_no') }} as inpatient_no,
        {{ pseudonym('outpatient_no', 'outpatient_no') }} as outpatient_no,
        {{ pseudonym('medical_record_no', 'medical_record_no') }} as medical_record_no,
        {{ pseudonym('card_no', 'card_no') }} as card_no,
        {{ pseudonym('accession', 'accession_number') }} as accession_number,
        {{ accession_core('accession_number') }} as accession_number_core,
        {{ pseudonym('order', 'request_id') }} as request_id,
        {{ pseudonym('uid', 'study_instance_uid') }} as study_instance_uid,
        nullif(trim(sex), '') as sex,
        nullif(trim(age), '') as age,
        nullif(trim(exam_item), '') as exam_item,
        nullif(trim(body_part), '') as body_part,
        nullif(trim(device), '') as device,
        nullif(trim(report_status), '') as report_status,
        nullif(trim(report_version), '') as report_version,
        nullif(trim(positive_flag), '') as positive_flag,
        nullif(trim(is_void), '') as is_void,
        {{ person_record(
            'us',
            [
                'patient_id', 'empi_id', 'card_no', 'medical_record_no', 'inpatient_no', 'outpatient_no'
            ],
            'patient_name'
        ) }} as person_record_id,
        {{ text_digest(['findings', 'impression']) }} as text_sha256,
        {{ text_quality(['findings', 'impression']) }} as text_quality,
        nullif(trim(verifier), '') is not null as has_verifier,
        {{ parse_timestamp('examined_at') }} as examined_at,
        {{ parse_timestamp('birth_date') }} as birth_date,
        {{ parse_timestamp('reported_at') }} as reported_at,
        {{ parse_timestamp('verified_at') }} as verified_at,
        _change as change,
        _change is not null or coalesce({{ parse_boolean('is_void') }}, false) as is_deleted,
        'us' as source_system,
        _src_period as source_period,
        _src_file as source_file,
        _src_row_no as source_row_no,
        _row_sha256 as row_sha256,
        _batch_id as load_id,
        _loaded_at as loaded_at
    from cleaned
)

select * from renamed
