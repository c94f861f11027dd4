with source as (
    select * from {{ source('lis', 'result') }}
),

renamed as (
    select
        {{ pseudonym('report', 'report_id') }} as report_id,
        {{ pseudonym('barcode', 'barcode') }} as barcode,
        {{ pseudonym('patient', 'patient_id') }} as patient_id,
        {{ pseudonym('patient_core', "ltrim(patient_id, '0 ')") }} as patient_id_core,
        {{ pseudonym('encounter', 'visit_id') }} as visit_id,
        nullif(trim(sex), '') as sex,
        nullif(trim(age), '') as age,
        nullif(trim(specimen), '') as specimen,
        nullif(trim(sequence_no), '') as sequence_no,
        nullif(trim(item_code), '') as item_code,
        nullif(trim(item_name), '') as item_name,
        {{ mask_numbers('result') }} as result,
        nullif(trim(unit), '') as unit,
        nullif(trim(reference_range), '') as reference_range,
        nullif(trim(abnormal_flag), '') as abnormal_flag,
        {{ parse_timestamp('collected_at') }} as collected_at,
        {{ parse_timestamp('received_at') }} as received_at,
        {{ parse_timestamp('verified_at') }} as verified_at,
        'lis' as source_system,
        _src_period as source_period,
        _src_file as source_file,
        _src_row_no as source_row_no,
        _row_sha256 as row_sha256,
        _batch_id as load_id,
        _loaded_at as loaded_at
    from source
)

select * from renamed
