with source as (
    select * from {{ source('his', 'medical_order') }}
),

cleaned as (
    select
        {{ clean('order_id') }} as order_id,
        {{ clean('visit_id') }} as visit_id,
        {{ clean('order_type') }} as order_type,
        {{ clean('item_name') }} as item_name,
        {{ clean('item_code') }} as item_code,
        {{ clean('dose') }} as dose,
        {{ clean('dose_unit') }} as dose_unit,
        {{ clean('frequency') }} as frequency,
        {{ clean('route') }} as route,
        {{ clean('started_at') }} as started_at,
        {{ clean('stopped_at') }} as stopped_at,
        {{ clean('executed_at') }} as executed_at,
        {{ clean('order_status') }} as order_status,
        {{ clean('patient_id') }} as patient_id,
        {{ clean('group_no') }} as group_no,
        {{ clean('order_class') }} as order_class,
        {{ clean('drug_code') }} as drug_code,
        {{ clean('request_id') }} as request_id,
        {{ clean('department') }} as department,
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
        {{ pseudonym('order', 'order_id') }} as order_id,
        {{ pseudonym('encounter', 'visit_id') }} as visit_id,
        {{ pseudonym('patient', 'patient_id') }} as patient_id,
        {{ patient_core('patient_id') }} as patient_id_core,
        {{ pseudonym('order_group', 'group_no') }} as group_no,
        {{ pseudonym('order', 'request_id') }} as request_id,
        nullif(trim(order_type), '') as order_type,
        {{ mask_numbers('item_name') }} as item_name,
        nullif(trim(item_code), '') as item_code,
        nullif(trim(dose), '') as dose,
        nullif(trim(dose_unit), '') as dose_unit,
        nullif(trim(frequency), '') as frequency,
        nullif(trim(route), '') as route,
        nullif(trim(order_status), '') as order_status,
        nullif(trim(order_class), '') as order_class,
        nullif(trim(drug_code), '') as drug_code,
        nullif(trim(department), '') as department,
        nullif(trim(is_void), '') as is_void,
        {{ parse_timestamp('started_at') }} as started_at,
        {{ parse_timestamp('stopped_at') }} as stopped_at,
        {{ parse_timestamp('executed_at') }} as executed_at,
        _change as change,
        _change is not null or coalesce({{ parse_boolean('is_void') }}, false) as is_deleted,
        'his' as source_system,
        _src_period as source_period,
        _src_file as source_file,
        _src_row_no as source_row_no,
        _row_sha256 as row_sha256,
        _batch_id as load_id,
        _loaded_at as loaded_at
    from cleaned
)

select * from renamed
