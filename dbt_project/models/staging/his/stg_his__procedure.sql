with source as (
    select * from {{ source('his', 'procedure') }}
),

renamed as (
    select
        {{ pseudonym('procedure', 'procedure_id') }} as procedure_id,
        {{ pseudonym('encounter', 'visit_id') }} as visit_id,
        nullif(trim(procedure_code), '') as procedure_code,
        {{ mask_numbers('procedure_name') }} as procedure_name,
        nullif(trim(blood_loss), '') as blood_loss,
        {{ parse_timestamp('performed_date') }} as performed_date,
        {{ parse_timestamp('started_at') }} as started_at,
        {{ parse_timestamp('ended_at') }} as ended_at,
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
