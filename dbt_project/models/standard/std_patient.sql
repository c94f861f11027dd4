-- One person of all their registrations. Sex and birth by the order of trust of sources.md 5.1: a record whose identity
-- card is valid and fits it, then HIS, EMR, RIS, LIS and US copies; a lower system fills what the higher leave open.
with record_links as (
    select *
    from {{ ref('std_patient_record_link') }}
    where patient_key is not null
),

records as (
    select * from {{ ref('stg_vault__person_record') }}
),

trusts as (
    select
        source_system,
        trust
    from {{ ref('mapping__identity_trust') }}
),

ranked as (
    select
        record_links.patient_key,
        record_links.person_id,
        record_links.is_survivor,
        record_links.version_no as link_version_no,
        records.*,
        trusts.trust,
        -- what a person is told by: verified card, trust, then the surviving registration, then the first
        case when records.citizen_state = 'own' then 0 else 1 end * 1000
        + trusts.trust * 10
        + case when records.is_registry then 0 else 5 end
        + case when record_links.is_survivor then 0 else 1 end as rank_of_record
    from records
    inner join record_links on records.record_id = record_links.person_record_id
    inner join trusts on records.source_system = trusts.source_system
),

persons as (
    select
        patient_key,
        max(person_id) as patient_id,
        max(case when is_survivor then patient_id_core end) as patient_id_core,
        min_by(sex_source, case when sex is not null then (rank_of_record, first_order) end) as sex_source_code,
        min_by(sex, case when sex is not null then (rank_of_record, first_order) end) as known_sex,
        min_by(ethnicity, case when ethnicity is not null then (rank_of_record, first_order) end) as ethnicity,
        min_by(birth_date, case when birth_date is not null then (rank_of_record, first_order) end) as birth_date,
        min_by(source_system, case when birth_date is not null then (rank_of_record, first_order) end)
            as birth_date_source,
        case
            when bool_or(citizen_state in ('own', 'foreign')) then true
            when bool_or(citizen_state = 'invalid') then false
        end as is_citizen_id_valid,
        bool_or(name_kind = 'test') as is_test,
        bool_and(is_newborn or name_kind = 'missing') and bool_or(is_newborn) as is_newborn,
        bool_and(case when is_registry then is_void end) as is_void,
        count(case when is_registry then 1 end) > 1 as is_merged,
        count(distinct case when is_registry then concat_ws('/', source_system, patient_id) end)
            as registration_count,
        count(*) as record_count,
        min(case when is_survivor then registered_at end) as registered_at,
        max(case when is_survivor then link_version_no end) as version_no,
        max(case when is_survivor then source_system end) as source_system,
        max(case when is_survivor then source_period end) as source_period,
        max(load_id) as load_id,
        max(loaded_at) as loaded_at
    from ranked
    group by patient_key
),

patients as (
    select
        patient_key,
        patient_key as survivor_patient_key,
        patient_id,
        patient_id_core,
        sex_source_code,
        coalesce(known_sex, 'U') as sex,
        ethnicity,
        birth_date,
        birth_date_source,
        is_citizen_id_valid,
        is_test,
        is_newborn,
        coalesce(is_void, false) as is_void,
        is_merged,
        registration_count,
        record_count,
        registered_at,
        version_no,
        source_system,
        source_period,
        load_id,
        loaded_at
    from persons
)

select * from patients
