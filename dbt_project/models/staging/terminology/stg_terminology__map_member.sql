with source as (
    select * from {{ source('terminology', 'map_member') }}
),

renamed as (
    select
        member_id,
        effective_date,
        is_active,
        refset_id,
        concept_id,
        map_group,
        map_priority,
        map_rule,
        map_target,
        'terminology' as source_system,
        batch_id as load_id
    from source
)

select * from renamed
