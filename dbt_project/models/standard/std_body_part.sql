-- Body parts as DICOM and SNOMED CT name them; without a release of SNOMED CT the codes stand unmapped.
with parts as (
    select * from {{ ref('terminology__body_part') }}
),

concepts as (
    select * from {{ ref('std_snomed_concept') }}
    where is_active
),

body_parts as (
    select
        parts.body_part,
        parts.dicom_term,
        parts.label_zh,
        parts.region,
        parts.snomed_code,
        concepts.term_en as snomed_name,
        concepts.term_zh as snomed_name_zh,
        case when concepts.concept_id is not null then 'mapped' else 'unmapped' end as snomed_mapping_status,
        'terminology' as source_system,
        concepts.load_id
    from parts
    left join concepts on parts.snomed_code = concepts.concept_id
)

select * from body_parts
