with source as (
    select * from {{ source('fhir', 'patient') }}
),

cleaned as (
    select
        {{ clean('resource_id') }} as resource_id,
        {{ clean('version_id') }} as version_id,
        {{ clean('last_updated') }} as last_updated,
        {{ clean('status') }} as status,
        {{ clean('is_deleted') }} as is_deleted,
        {{ clean('birth_date') }} as birth_date,
        {{ clean('sex') }} as sex,
        {{ clean('deceased') }} as deceased,
        {{ clean('deceased_at') }} as deceased_at,
        {{ clean('marital_status') }} as marital_status,
        {{ clean('multiple_birth') }} as multiple_birth,
        {{ clean('managing_organization_id') }} as managing_organization_id,
        {{ clean('replaced_by_id') }} as replaced_by_id,
        {{ clean('replaces_id') }} as replaces_id,
        _change,
        _src_period,
        _src_file,
        _src_row_no,
        _row_sha256,
        _batch_id,
        _loaded_at
    from source
),

renamed as (
    select
        {{ pseudonym('fhir_patient', 'resource_id') }} as resource_id,
        {{ pseudonym('fhir_patient', 'replaced_by_id') }} as replaced_by_id,
        {{ pseudonym('fhir_patient', 'replaces_id') }} as replaces_id,
        nullif(trim(version_id), '') as version_id,
        nullif(trim(last_updated), '') as last_updated,
        nullif(trim(status), '') as status,
        nullif(trim(sex), '') as sex,
        nullif(trim(deceased), '') as deceased,
        nullif(trim(marital_status), '') as marital_status,
        nullif(trim(multiple_birth), '') as multiple_birth,
        nullif(trim(managing_organization_id), '') as managing_organization_id,
        {{ parse_timestamp('birth_date') }} as birth_date,
        {{ parse_timestamp('deceased_at') }} as deceased_at,
        _change as change,
        _change is not null
        or coalesce({{ parse_boolean('is_deleted') }}, false)
            as is_deleted,
        'fhir' as source_system,
        _src_period as source_period,
        _src_file as source_file,
        _src_row_no as source_row_no,
        _row_sha256 as row_sha256,
        _batch_id as load_id,
        _loaded_at as loaded_at
    from cleaned
)

select * from renamed
