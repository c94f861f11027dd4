with source as (
    select * from {{ source('vault', 'person_link') }}
),

renamed as (
    select
        record_id,
        person_id,
        is_survivor,
        is_number_owner,
        link_method,
        link_score,
        version_no,
        'vault' as source_system,
        batch_id as load_id,
        linked_at as loaded_at
    from source
)

select * from renamed
