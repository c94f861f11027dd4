with source as (
    select * from {{ source('his', 'diagnosis') }}
),

renamed as (
    select
        {{ pseudonym('encounter', 'visit_id') }} as visit_id,
        nullif(trim(diagnosis_type), '') as diagnosis_type,
        nullif(trim(sequence_no), '') as sequence_no,
        nullif(trim(diagnosis_code), '') as diagnosis_code,
        {{ mask_numbers('diagnosis_name') }} as diagnosis_name,
        nullif(trim(present_on_admission), '') as present_on_admission,
        {{ parse_timestamp('diagnosed_at') }} as diagnosed_at,
        'his' as source_system,
        _src_period as source_period,
        _src_file as source_file,
        _src_row_no as source_row_no,
        _row_sha256 as row_sha256,
        _batch_id as load_id,
        _loaded_at as loaded_at
    from source
)

select * from renamed
