with source as (
    select * from {{ source('terminology', 'description') }}
),

renamed as (
    select
        description_id,
        effective_date,
        is_active,
        concept_id,
        language,
        type_id,
        term,
        'terminology' as source_system,
        batch_id as load_id
    from source
)

select * from renamed
