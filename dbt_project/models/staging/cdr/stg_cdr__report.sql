with source as (
    select * from {{ source('cdr', 'report') }}
),

cleaned as (
    select
        {{ clean('report_id') }} as report_id,
        {{ clean('report_kind') }} as report_kind,
        {{ clean('exam_id') }} as exam_id,
        {{ clean('accession_number') }} as accession_number,
        {{ clean('request_id') }} as request_id,
        {{ clean('patient_id') }} as patient_id,
        {{ clean('visit_id') }} as visit_id,
        {{ clean('empi_id') }} as empi_id,
        {{ clean('outpatient_no') }} as outpatient_no,
        {{ clean('inpatient_no') }} as inpatient_no,
        {{ clean('medical_record_no') }} as medical_record_no,
        {{ clean('patient_name') }} as patient_name,
        {{ clean('sex') }} as sex,
        {{ clean('age') }} as age,
        {{ clean('modality') }} as modality,
        {{ clean('body_part') }} as body_part,
        {{ clean('exam_item') }} as exam_item,
        {{ clean('device') }} as device,
        {{ clean('registered_at') }} as registered_at,
        {{ clean('examined_at') }} as examined_at,
        {{ clean('reported_at') }} as reported_at,
        {{ clean('verified_at') }} as verified_at,
        {{ clean('report_status') }} as report_status,
        {{ clean('report_version') }} as report_version,
        {{ clean('study_instance_uid') }} as study_instance_uid,
        {{ clean('updated_at') }} as updated_at,
        {{ clean('is_void') }} as is_void,
        findings,
        impression,
        clinical_diagnosis,
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
        {{ pseudonym('report', 'report_id') }} as report_id,
        {{ pseudonym('report', 'exam_id') }} as exam_id,
        {{ pseudonym('accession', 'accession_number') }} as accession_number,
        {{ accession_core('accession_number') }} as accession_number_core,
        {{ pseudonym('order', 'request_id') }} as request_id,
        {{ pseudonym('patient', 'patient_id') }} as patient_id,
        {{ patient_core('patient_id') }} as patient_id_core,
        {{ pseudonym('encounter', 'visit_id') }} as visit_id,
        {{ pseudonym('empi_id', 'empi_id') }} as empi_id,
        {{ pseudonym('outpatient_no', 'outpatient_no') }} as outpatient_no,
        {{ pseudonym('inpatient_no', 'inpatient_no') }} as inpatient_no,
        {{ pseudonym('medical_record_no', 'medical_record_no') }} as medical_record_no,
        {{ pseudonym('uid', 'study_instance_uid') }} as study_instance_uid,
        nullif(trim(report_kind), '') as report_kind,
        nullif(trim(sex), '') as sex,
        nullif(trim(age), '') as age,
        nullif(trim(modality), '') as modality,
        nullif(trim(body_part), '') as body_part,
        nullif(trim(exam_item), '') as exam_item,
        nullif(trim(device), '') as device,
        nullif(trim(report_status), '') as report_status,
        nullif(trim(report_version), '') as report_version,
        nullif(trim(is_void), '') as is_void,
        {{ person_record(
            'cdr',
            [
                'patient_id', 'empi_id', 'medical_record_no', 'inpatient_no', 'outpatient_no'
            ],
            'patient_name'
        ) }} as person_record_id,
        {{ text_digest(['findings', 'impression', 'clinical_diagnosis']) }} as text_sha256,
        {{ text_quality(['findings', 'impression']) }} as text_quality,
        {{ parse_timestamp('registered_at') }} as registered_at,
        {{ parse_timestamp('examined_at') }} as examined_at,
        {{ parse_timestamp('reported_at') }} as reported_at,
        {{ parse_timestamp('verified_at') }} as verified_at,
        {{ parse_timestamp('updated_at') }} as updated_at,
        _change as change,
        _change is not null or coalesce({{ parse_boolean('is_void') }}, false) as is_deleted,
        'cdr' as source_system,
        _src_period as source_period,
        _src_file as source_file,
        _src_row_no as source_row_no,
        _row_sha256 as row_sha256,
        _batch_id as load_id,
        _loaded_at as loaded_at
    from cleaned
)

select * from renamed
