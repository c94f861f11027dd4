with source as (
    select * from {{ source('ris', 'request') }}
),

cleaned as (
    select
        {{ clean('request_id') }} as request_id,
        {{ clean('patient_id') }} as patient_id,
        {{ clean('visit_id') }} as visit_id,
        {{ clean('empi_id') }} as empi_id,
        {{ clean('outpatient_no') }} as outpatient_no,
        {{ clean('inpatient_no') }} as inpatient_no,
        {{ clean('medical_record_no') }} as medical_record_no,
        {{ clean('card_no') }} as card_no,
        {{ clean('patient_name') }} as patient_name,
        {{ clean('sex') }} as sex,
        {{ clean('age') }} as age,
        {{ clean('birth_date') }} as birth_date,
        {{ clean('accession_number') }} as accession_number,
        {{ clean('exam_id') }} as exam_id,
        {{ clean('modality') }} as modality,
        {{ clean('body_part') }} as body_part,
        {{ clean('exam_item') }} as exam_item,
        {{ clean('item_code') }} as item_code,
        {{ clean('department') }} as department,
        {{ clean('requested_at') }} as requested_at,
        {{ clean('scheduled_at') }} as scheduled_at,
        {{ clean('priority') }} as priority,
        {{ clean('request_status') }} as request_status,
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
        {{ pseudonym('order', 'request_id') }} as request_id,
        {{ pseudonym('patient', 'patient_id') }} as patient_id,
        {{ patient_core('patient_id') }} as patient_id_core,
        {{ pseudonym('encounter', 'visit_id') }} as visit_id,
        {{ pseudonym('empi_id', 'empi_id') }} as empi_id,
        {{ pseudonym('outpatient_no', 'outpatient_no') }} as outpatient_no,
        {{ pseudonym('inpatient_no', 'inpatient_no') }} as inpatient_no,
        {{ pseudonym('medical_record_no', 'medical_record_no') }} as medical_record_no,
        {{ pseudonym('card_no', 'card_no') }} as card_no,
        {{ pseudonym('accession', 'accession_number') }} as accession_number,
        {{ accession_core('accession_number') }} as accession_number_core,
        {{ pseudonym('report', 'exam_id') }} as exam_id,
        nullif(trim(sex), '') as sex,
        nullif(trim(age), '') as age,
        nullif(trim(modality), '') as modality,
        nullif(trim(body_part), '') as body_part,
        nullif(trim(exam_item), '') as exam_item,
        nullif(trim(item_code), '') as item_code,
        nullif(trim(department), '') as department,
        nullif(trim(priority), '') as priority,
        nullif(trim(request_status), '') as request_status,
        nullif(trim(is_void), '') as is_void,
        {{ person_record(
            'ris',
            [
                'patient_id', 'empi_id', 'card_no', 'medical_record_no', 'inpatient_no', 'outpatient_no'
            ],
            'patient_name'
        ) }} as person_record_id,
        {{ parse_timestamp('birth_date') }} as birth_date,
        {{ parse_timestamp('requested_at') }} as requested_at,
        {{ parse_timestamp('scheduled_at') }} as scheduled_at,
        _change as change,
        _change is not null or coalesce({{ parse_boolean('is_void') }}, false) as is_deleted,
        'ris' as source_system,
        _src_period as source_period,
        _src_file as source_file,
        _src_row_no as source_row_no,
        _row_sha256 as row_sha256,
        _batch_id as load_id,
        _loaded_at as loaded_at
    from cleaned
)

select * from renamed
