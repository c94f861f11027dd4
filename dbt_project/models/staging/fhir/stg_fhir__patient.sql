with source as (
    select * from {{ source('fhir', 'patient') }}
),

renamed as (
    select
        {{ pseudonym('fhir_patient', 'resource_id') }} as resource_id,
        {{ pseudonym('replaced_by', 'replaced_by_id') }} as replaced_by_id,
        {{ pseudonym('replaces', 'replaces_id') }} as replaces_id,
        nullif(trim(version_id), '') as version_id,
        nullif(trim(last_updated), '') as last_updated,
        nullif(trim(status), '') as status,
        nullif(trim(is_deleted), '') as is_deleted,
        nullif(trim(sex), '') as sex,
        nullif(trim(marital_status), '') as marital_status,
        nullif(trim(managing_organization_id), '') as managing_organization_id,
        {{ parse_timestamp('birth_date') }} as birth_date,
        {{ parse_timestamp('deceased_at') }} as deceased_at,
        'fhir' as source_system,
        _src_period as source_period,
        _src_file as source_file,
        _src_row_no as source_row_no,
        _row_sha256 as row_sha256,
        _batch_id as load_id,
        _loaded_at as loaded_at
    from source
)

select * from renamed
