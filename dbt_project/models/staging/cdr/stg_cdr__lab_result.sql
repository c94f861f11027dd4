with source as (
    select * from {{ source('cdr', 'lab_result') }}
),

cleaned as (
    select
        {{ clean('report_id') }} as report_id,
        {{ clean('barcode') }} as barcode,
        {{ clean('request_id') }} as request_id,
        {{ clean('patient_id') }} as patient_id,
        {{ clean('visit_id') }} as visit_id,
        {{ clean('empi_id') }} as empi_id,
        {{ clean('outpatient_no') }} as outpatient_no,
        {{ clean('inpatient_no') }} as inpatient_no,
        {{ clean('patient_name') }} as patient_name,
        {{ clean('sex') }} as sex,
        {{ clean('age') }} as age,
        {{ clean('specimen') }} as specimen,
        {{ clean('collected_at') }} as collected_at,
        {{ clean('received_at') }} as received_at,
        {{ clean('verified_at') }} as verified_at,
        {{ clean('sequence_no') }} as sequence_no,
        {{ clean('item_code') }} as item_code,
        {{ clean('item_name') }} as item_name,
        result as result_source,
        {{ clean('result') }} as result,
        unit as unit_source,
        {{ clean('unit') }} as unit,
        {{ clean('reference_range') }} as reference_range,
        {{ clean('abnormal_flag') }} as abnormal_flag,
        {{ clean('report_status') }} as report_status,
        {{ clean('updated_at') }} as updated_at,
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
        {{ pseudonym('report', 'report_id') }} as report_id,
        {{ pseudonym('barcode', 'barcode') }} as barcode,
        {{ pseudonym('order', 'request_id') }} as request_id,
        {{ pseudonym('patient', 'patient_id') }} as patient_id,
        {{ patient_core('patient_id') }} as patient_id_core,
        {{ pseudonym('encounter', 'visit_id') }} as visit_id,
        {{ pseudonym('empi_id', 'empi_id') }} as empi_id,
        {{ pseudonym('outpatient_no', 'outpatient_no') }} as outpatient_no,
        {{ pseudonym('inpatient_no', 'inpatient_no') }} as inpatient_no,
        nullif(trim(sex), '') as sex,
        nullif(trim(age), '') as age,
        nullif(trim(specimen), '') as specimen,
        nullif(trim(sequence_no), '') as sequence_no,
        nullif(trim(item_code), '') as item_code,
        nullif(trim(item_name), '') as item_name,
        {{ mask_numbers('result_source') }} as result_source,
        {{ mask_numbers('result') }} as result,
        nullif(trim(unit_source), '') as unit_source,
        nullif(trim(unit), '') as unit,
        nullif(trim(reference_range), '') as reference_range,
        nullif(trim(abnormal_flag), '') as abnormal_flag,
        nullif(trim(report_status), '') as report_status,
        nullif(trim(is_void), '') as is_void,
        {{ person_record(
            'cdr',
            [
                'patient_id', 'empi_id', 'inpatient_no', 'outpatient_no'
            ],
            'patient_name'
        ) }} as person_record_id,
        {{ parse_timestamp('collected_at') }} as collected_at,
        {{ parse_timestamp('received_at') }} as received_at,
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
