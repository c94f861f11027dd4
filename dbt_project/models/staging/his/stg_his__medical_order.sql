with source as (
    select * from {{ source('his', 'medical_order') }}
),

renamed as (
    select
        {{ pseudonym('order', 'order_id') }} as order_id,
        {{ pseudonym('encounter', 'visit_id') }} as visit_id,
        nullif(trim(order_type), '') as order_type,
        {{ mask_numbers('item_name') }} as item_name,
        nullif(trim(item_code), '') as item_code,
        nullif(trim(dose), '') as dose,
        nullif(trim(dose_unit), '') as dose_unit,
        nullif(trim(frequency), '') as frequency,
        nullif(trim(route), '') as route,
        nullif(trim(order_status), '') as order_status,
        {{ parse_timestamp('started_at') }} as started_at,
        {{ parse_timestamp('stopped_at') }} as stopped_at,
        {{ parse_timestamp('executed_at') }} as executed_at,
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
