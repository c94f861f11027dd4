with source as (
    select * from {{ source('ledger', 'freshness') }}
),

renamed as (
    select
        source as source_system,
        period as source_period,
        expected_hours,
        last_delivery_at,
        newest_event_at,
        looked_at
    from source
)

select * from renamed
