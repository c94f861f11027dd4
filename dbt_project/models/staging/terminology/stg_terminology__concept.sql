with source as (
    select * from {{ source('terminology', 'concept') }}
),

renamed as (
    select
        concept_id,
        effective_date,
        is_active,
        module_id,
        definition_status_id,
        'terminology' as source_system,
        batch_id as load_id
    from source
)

select * from renamed
