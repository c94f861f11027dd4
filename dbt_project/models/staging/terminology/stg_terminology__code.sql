with source as (
    select * from {{ source('terminology', 'code') }}
),

renamed as (
    select
        code_system,
        code_version,
        code,
        code_name,
        imported_at,
        'terminology' as source_system,
        batch_id as load_id
    from source
)

select * from renamed
