with identifiers as (
    select * from {{ ref('stg_vault__record_identifier') }}
),

record_links as (
    select *
    from {{ ref('std_patient_record_link') }}
    where patient_key is not null
),

patient_identifiers as (
    select
        record_links.patient_key,
        identifiers.id_type,
        identifiers.identifier_core as id_core,
        identifiers.source_system as src_system,
        min_by(identifiers.identifier, (identifiers.first_seen_at, identifiers.identifier)) as identifier,
        min(identifiers.id_prefix) as id_prefix,
        max(identifiers.id_suffix) as id_suffix,
        min(identifiers.first_seen_at) as first_seen_at,
        max(identifiers.last_seen_at) as last_seen_at,
        max_by(record_links.link_method, (record_links.link_score, record_links.link_method)) as link_method,
        max(record_links.link_score) as link_score,
        max(record_links.load_id) as load_id,
        max(record_links.loaded_at) as loaded_at
    from identifiers
    inner join record_links on identifiers.record_id = record_links.person_record_id
    group by
        record_links.patient_key, identifiers.id_type, identifiers.identifier_core, identifiers.source_system
)

select * from patient_identifiers
