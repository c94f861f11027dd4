-- A number belongs to the person registered under it; newborns give way to their mothers. With several registered
-- persons, or three and more people's names, it stands for nobody.
with record_links as (
    select * from {{ ref('std_patient_record_link') }}
),

records as (
    select * from {{ ref('stg_vault__person_record') }}
),

identifiers as (
    select *
    from {{ ref('stg_vault__record_identifier') }}
    where id_type in ('patient_id', 'fhir_patient')
),

trusts as (
    select
        source_system,
        trust
    from {{ ref('mapping__identity_trust') }}
),

claims as (
    select
        identifiers.identifier as patient_id,
        record_links.person_id,
        max(case when identifiers.id_type = 'patient_id' then identifiers.identifier_core end) as patient_id_core,
        max(record_links.patient_key) as patient_key,
        bool_or(records.is_registry) as is_registered,
        bool_or(records.is_registry and not records.is_newborn) as is_registered_grown,
        bool_or(records.name_kind = 'ordinary' and not records.is_newborn) as is_named,
        min_by(record_links.link_method, (trusts.trust, records.record_id)) as link_method,
        max(record_links.link_score) as link_score,
        min(trusts.trust) as trust,
        min_by(records.source_system, (trusts.trust, records.record_id)) as source_system,
        min_by(records.load_id, (trusts.trust, records.record_id)) as load_id,
        min_by(records.loaded_at, (trusts.trust, records.record_id)) as loaded_at
    from identifiers
    inner join record_links on identifiers.record_id = record_links.person_record_id
    inner join records on identifiers.record_id = records.record_id
    left join trusts on records.source_system = trusts.source_system
    group by identifiers.identifier, record_links.person_id
),

counted as (
    select
        patient_id,
        max(patient_id_core) as patient_id_core,
        case
            when count(case when is_named then 1 end) >= 3 then null
            when count(case when is_registered_grown then 1 end) = 1
                then max(case when is_registered_grown then patient_key end)
            when count(case when is_registered_grown then 1 end) > 1 then null
            when count(case when is_registered then 1 end) = 1 then max(case when is_registered then patient_key end)
            when count(case when is_registered then 1 end) > 1 then null
            when count(patient_key) = 1 then max(patient_key)
        end as patient_key,
        count(case when is_named then 1 end) >= 3
        or count(case when is_registered_grown then 1 end) > 1 as is_shared
    from claims
    group by patient_id
),

first_claims as (
    select
        patient_id,
        min_by(source_system, (trust, person_id)) as source_system,
        min_by(load_id, (trust, person_id)) as load_id,
        min_by(loaded_at, (trust, person_id)) as loaded_at
    from claims
    group by patient_id
),

links as (
    select
        counted.patient_id,
        counted.patient_id_core,
        counted.patient_key,
        counted.patient_key as survivor_patient_key,
        counted.is_shared,
        coalesce(claims.link_method, 'none') as link_method,
        coalesce(claims.link_score, 0) as link_score,
        coalesce(claims.source_system, first_claims.source_system) as source_system,
        coalesce(claims.load_id, first_claims.load_id) as load_id,
        coalesce(claims.loaded_at, first_claims.loaded_at) as loaded_at
    from counted
    inner join first_claims on counted.patient_id = first_claims.patient_id
    left join claims on counted.patient_id = claims.patient_id and counted.patient_key = claims.patient_key
)

select * from links
