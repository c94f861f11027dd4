-- The newest link of each record. A person whom no registration knows is an orphan's and has no key.
with records as (
    select * from {{ ref('stg_vault__person_record') }}
),

links as (
    select *
    from {{ ref('stg_vault__person_link') }}
    qualify row_number() over (partition by record_id order by version_no desc) = 1
),

known_persons as (
    select distinct links.person_id
    from links
    inner join records on links.record_id = records.record_id
    where records.is_registry
),

record_links as (
    select
        links.record_id as person_record_id,
        case
            when known_persons.person_id is not null
                then {{ surrogate_key(["'patient'", 'links.person_id']) }}
        end as patient_key,
        links.person_id,
        links.is_survivor,
        links.is_number_owner,
        links.link_method,
        links.link_score,
        links.version_no,
        records.source_system,
        records.source_period,
        links.load_id,
        links.loaded_at
    from links
    inner join records on links.record_id = records.record_id
    left join known_persons on links.person_id = known_persons.person_id
)

select * from record_links
