-- SNOMED CT as the newest release file a hospital supplied tells it; without one this table is empty.
with releases as (
    select max(load_id) as load_id from {{ ref('stg_terminology__concept') }}
),

concepts as (
    select
        concept_id,
        max_by(is_active, effective_date) as is_active,
        max(effective_date) as effective_date,
        max(load_id) as load_id
    from {{ ref('stg_terminology__concept') }}
    where load_id in (select releases.load_id from releases)
    group by concept_id
),

descriptions as (
    select
        description_id,
        max_by(concept_id, effective_date) as concept_id,
        max_by(is_active, effective_date) as is_active,
        max_by(language, effective_date) as language,
        max_by(type_id, effective_date) as type_id,
        max_by(term, effective_date) as term
    from {{ ref('stg_terminology__description') }}
    where load_id in (select releases.load_id from releases)
    group by description_id
),

members as (
    select
        description_id,
        max(cast(is_active and coalesce(is_preferred, false) as integer)) as is_preferred
    from {{ ref('stg_terminology__language_member') }}
    where load_id in (select releases.load_id from releases)
    group by description_id
),

-- 900000000000003001 is the type of fully specified names
terms as (
    select
        descriptions.concept_id,
        min_by(
            descriptions.term,
            case when descriptions.type_id = '900000000000003001' then 0 else 1 end || descriptions.description_id
        ) filter (where descriptions.language = 'en') as term_en,
        min_by(
            descriptions.term,
            case when members.is_preferred = 1 then 0 else 1 end || descriptions.description_id
        ) filter (where descriptions.language like 'zh%') as term_zh
    from descriptions
    left join members on descriptions.description_id = members.description_id
    where descriptions.is_active
    group by descriptions.concept_id
),

map_states as (
    select
        member_id,
        max_by(concept_id, effective_date) as concept_id,
        max_by(is_active, effective_date) as is_active,
        max(refset_id) as refset_id,
        max_by(coalesce(map_group, 1), effective_date) as map_group,
        max_by(coalesce(map_priority, 1), effective_date) as map_priority,
        max_by(coalesce(map_rule, 'TRUE'), effective_date) as map_rule,
        max_by(coalesce(map_target, ''), effective_date) as map_target
    from {{ ref('stg_terminology__map_member') }}
    where load_id in (select releases.load_id from releases)
    group by member_id
),

-- rules that ask for sex or age cannot be answered here, so the unconditional rule of the first group stands
maps as (
    select
        concept_id,
        min_by(map_target, lpad(cast(map_priority as varchar), 4, '0') || member_id) as icd_10_code
    from map_states
    where
        is_active
        and map_group = 1
        and map_rule in ('TRUE', 'OTHERWISE TRUE')
        and regexp_full_match(map_target, '[A-Z][0-9]{2}(\.?[0-9xX][0-9A-Za-z]*)?[+*†]?')
        -- the simple maps of the international edition lead to CTV3 and to ICD-O
        and refset_id not in ('900000000000497000', '446608001')
    group by concept_id
),

snomed_concepts as (
    select
        concepts.concept_id,
        concepts.is_active,
        terms.term_en,
        terms.term_zh,
        regexp_extract(
            regexp_replace(maps.icd_10_code, '^([A-Z][0-9]{2})([0-9])', '\1.\2'), '^[A-Z][0-9]{2}(\.[0-9])?', 0
        ) as icd_10_code,
        concepts.effective_date,
        'terminology' as source_system,
        concepts.load_id
    from concepts
    left join terms on concepts.concept_id = terms.concept_id
    left join maps on concepts.concept_id = maps.concept_id
)

select * from snomed_concepts
