with source as (
    select * from {{ source('ledger', 'code_map') }}
),

renamed as (
    select
        nullif(trim(source), '') as source_system,
        nullif(trim(period), '') as source_period,
        nullif(trim(entity), '') as entity,
        nullif(trim(column_name), '') as column_name,
        trim(source_value) as source_value,
        nullif(trim(standard_value), '') as standard_value,
        batch_id as load_id,
        loaded_at
    from source
)

select * from renamed
