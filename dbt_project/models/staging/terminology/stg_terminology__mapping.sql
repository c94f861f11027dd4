with source as (
    select * from {{ source('terminology', 'mapping') }}
),

renamed as (
    select
        source_code_system,
        source_code,
        target_code_system,
        target_code,
        code_version,
        imported_at,
        'terminology' as source_system,
        batch_id as load_id
    from source
)

select * from renamed
