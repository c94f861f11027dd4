with source as (
    select * from {{ source('his', 'charge') }}
),

cleaned as (
    select
        {{ clean('charge_id') }} as charge_id,
        {{ clean('visit_id') }} as visit_id,
        {{ clean('patient_id') }} as patient_id,
        {{ clean('inpatient_no') }} as inpatient_no,
        {{ clean('order_id') }} as order_id,
        {{ clean('request_id') }} as request_id,
        {{ clean('refunded_charge_id') }} as refunded_charge_id,
        {{ clean('item_code') }} as item_code,
        {{ clean('item_name') }} as item_name,
        {{ clean('item_category') }} as item_category,
        {{ clean('quantity') }} as quantity,
        {{ clean('unit') }} as unit,
        {{ clean('unit_price') }} as unit_price,
        {{ clean('amount') }} as amount,
        {{ clean('charged_at') }} as charged_at,
        {{ clean('department') }} as department,
        {{ clean('is_refunded') }} as is_refunded,
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
        {{ pseudonym('charge', 'charge_id') }} as charge_id,
        {{ pseudonym('encounter', 'visit_id') }} as visit_id,
        {{ pseudonym('patient', 'patient_id') }} as patient_id,
        {{ patient_core('patient_id') }} as patient_id_core,
        {{ pseudonym('inpatient_no', 'inpatient_no') }} as inpatient_no,
        {{ pseudonym('order', 'order_id') }} as order_id,
        {{ pseudonym('order', 'request_id') }} as request_id,
        {{ pseudonym('charge', 'refunded_charge_id') }} as refunded_charge_id,
        nullif(trim(item_code), '') as item_code,
        {{ mask_numbers('item_name') }} as item_name,
        nullif(trim(item_category), '') as item_category,
        nullif(trim(quantity), '') as quantity,
        nullif(trim(unit), '') as unit,
        nullif(trim(unit_price), '') as unit_price,
        nullif(trim(amount), '') as amount,
        nullif(trim(department), '') as department,
        nullif(trim(is_refunded), '') as is_refunded,
        {{ parse_timestamp('charged_at') }} as charged_at,
        _change as change,
        _change is not null as is_deleted,
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
