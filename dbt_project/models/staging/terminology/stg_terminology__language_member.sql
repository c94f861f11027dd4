with source as (
    select * from {{ source('terminology', 'language_member') }}
),

renamed as (
    select
        member_id,
        effective_date,
        is_active,
        refset_id,
        description_id,
        is_preferred,
        'terminology' as source_system,
        batch_id as load_id
    from source
)

select * from renamed
