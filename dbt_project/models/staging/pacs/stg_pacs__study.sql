with source as (
    select * from {{ source('pacs', 'study') }}
),

cleaned as (
    select
        {{ clean('study_instance_uid') }} as study_instance_uid,
        {{ clean('accession_number') }} as accession_number,
        {{ clean('exam_id') }} as exam_id,
        {{ clean('request_id') }} as request_id,
        {{ clean('patient_id') }} as patient_id,
        {{ clean('his_patient_id') }} as his_patient_id,
        {{ clean('visit_id') }} as visit_id,
        {{ clean('outpatient_no') }} as outpatient_no,
        {{ clean('inpatient_no') }} as inpatient_no,
        {{ clean('patient_name') }} as patient_name,
        {{ clean('sex') }} as sex,
        {{ clean('birth_date') }} as birth_date,
        {{ clean('age') }} as age,
        {{ clean('modality') }} as modality,
        {{ clean('body_part') }} as body_part,
        {{ clean('exam_item') }} as exam_item,
        {{ clean('study_description') }} as study_description,
        {{ clean('device') }} as device,
        {{ clean('study_date') }} as study_date,
        {{ clean('study_time') }} as study_time,
        {{ clean('examined_at') }} as examined_at,
        {{ clean('scheduled_at') }} as scheduled_at,
        {{ clean('registered_at') }} as registered_at,
        {{ clean('archived_at') }} as archived_at,
        {{ clean('series_count') }} as series_count,
        {{ clean('instance_count') }} as instance_count,
        {{ clean('study_status') }} as study_status,
        {{ clean('is_void') }} as is_void,
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
        {{ pseudonym('uid', 'study_instance_uid') }} as study_instance_uid,
        {{ pseudonym('accession', 'accession_number') }} as accession_number,
        {{ accession_core('accession_number') }} as accession_number_core,
        {{ pseudonym('report', 'exam_id') }} as exam_id,
        {{ pseudonym('order', 'request_id') }} as request_id,
        {{ pseudonym('patient', 'patient_id') }} as patient_id,
        {{ patient_core('patient_id') }} as patient_id_core,
        {{ pseudonym('patient', 'his_patient_id') }} as his_patient_id,
        {{ pseudonym('encounter', 'visit_id') }} as visit_id,
        {{ pseudonym('outpatient_no', 'outpatient_no') }} as outpatient_no,
        {{ pseudonym('inpatient_no', 'inpatient_no') }} as inpatient_no,
        nullif(trim(sex), '') as sex,
        nullif(trim(age), '') as age,
        nullif(trim(modality), '') as modality,
        nullif(trim(body_part), '') as body_part,
        nullif(trim(exam_item), '') as exam_item,
        nullif(trim(device), '') as device,
        nullif(trim(study_time), '') as study_time,
        nullif(trim(series_count), '') as series_count,
        nullif(trim(instance_count), '') as instance_count,
        nullif(trim(study_status), '') as study_status,
        nullif(trim(is_void), '') as is_void,
        {{ person_record(
            'pacs',
            [
                'his_patient_id', 'patient_id', 'inpatient_no', 'outpatient_no'
            ],
            'patient_name'
        ) }} as person_record_id,
        {{ parse_timestamp("concat_ws(' ', study_date, " ~ clock_text('study_time') ~ ")") }} as study_started_at,
        {{ body_part_of('study_description') }} as description_body_part,
        {{ parse_timestamp('birth_date') }} as birth_date,
        {{ parse_timestamp('study_date') }} as study_date,
        {{ parse_timestamp('examined_at') }} as examined_at,
        {{ parse_timestamp('scheduled_at') }} as scheduled_at,
        {{ parse_timestamp('registered_at') }} as registered_at,
        {{ parse_timestamp('archived_at') }} as archived_at,
        _change as change,
        _change is not null or coalesce({{ parse_boolean('is_void') }}, false) as is_deleted,
        'pacs' as source_system,
        _src_period as source_period,
        _src_file as source_file,
        _src_row_no as source_row_no,
        _row_sha256 as row_sha256,
        _batch_id as load_id,
        _loaded_at as loaded_at
    from cleaned
)

select * from renamed
