with source as (
    select * from {{ source('vault', 'person_record') }}
),

renamed as (
    select
        record_id,
        {{ pseudonym('patient', 'number') }} as patient_id,
        {{ patient_core('number') }} as patient_id_core,
        number_kind,
        is_registry,
        is_newborn,
        name_kind,
        sex,
        sex_source,
        ethnicity,
        birth_date,
        citizen_state,
        is_void,
        merged_into is not null and merged_into <> '' as is_merged,
        registered_at,
        first_order,
        first_seen as first_seen_at,
        last_seen as last_seen_at,
        source as source_system,
        nullif(period, '') as source_period,
        batch_id as load_id,
        last_seen as loaded_at
    from source
)

select * from renamed
