with source as (
    select * from {{ source('us', 'exam') }}
),

renamed as (
    select
        {{ pseudonym('report', 'exam_id') }} as exam_id,
        {{ pseudonym('patient', 'patient_id') }} as patient_id,
        {{ pseudonym('patient_core', "ltrim(patient_id, '0 ')") }} as patient_id_core,
        nullif(trim(sex), '') as sex,
        nullif(trim(age), '') as age,
        nullif(trim(exam_item), '') as exam_item,
        sha256(concat_ws(chr(31), coalesce(findings, ''), coalesce(impression, ''))) as text_sha256,
        {{ parse_timestamp('examined_at') }} as examined_at,
        'us' as source_system,
        _src_period as source_period,
        _src_file as source_file,
        _src_row_no as source_row_no,
        _row_sha256 as row_sha256,
        _batch_id as load_id,
        _loaded_at as loaded_at
    from source
)

select * from renamed
