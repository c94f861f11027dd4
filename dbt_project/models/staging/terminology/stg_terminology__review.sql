with source as (
    select * from {{ source('terminology', 'review') }}
),

renamed as (
    select
        review_id,
        domain,
        source_system,
        source_code,
        source_term,
        target_code_system,
        target_code,
        decision,
        file_sha256,
        valid_from,
        batch_id as load_id
    from source
)

select * from renamed
