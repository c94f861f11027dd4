-- One fact told by several systems is one row: 病案首页, HIS, ADT messages, CDR, FHIR, and last the words on a request
-- (sources.md 5.1). The same fact is the same concept, else the same words, of the same type in the same encounter;
-- what one system says twice stays two rows.
{% set filled = ['diagnosis_name', 'present_on_admission', 'diagnosed_at', 'sequence_no'] %}

with statements as (
    select
        *,
        coalesce(
            encounter_key,
            coalesce(patient_key, source_key) || '/' || coalesce(cast(cast(diagnosed_at as date) as varchar), '')
        ) as fact_place,
        coalesce(concept_code, name_key, code_norm, diagnosis_key) as fact_concept
    from {{ ref('std_diagnosis_statement') }}
    where is_current
),

-- a system that tells no type is taken to mean the type others tell, discharge first
told_types as (
    select
        fact_place,
        fact_concept,
        certainty,
        min_by(
            diagnosis_type,
            case diagnosis_type when 'discharge' then 1 when 'outpatient' then 2 when 'admission' then 3 else 4 end
        ) as diagnosis_type
    from statements
    where diagnosis_type_source_code is not null and diagnosis_type not in ('clinical', 'unmapped')
    group by fact_place, fact_concept, certainty
),

-- only what tells facts apart and what may be filled is carried through the windows; the rest joins again in the end
typed as (
    select
        statements.diagnosis_key,
        statements.system_trust,
        statements.source_system,
        statements.source_period,
        statements.source_key,
        statements.diagnosis_type_source_code,
        statements.fact_place,
        statements.fact_concept,
        statements.certainty,
        statements.sequence_no,
        statements.part_no,
        statements.code_norm,
        statements.diagnosis_name,
        statements.present_on_admission,
        statements.diagnosed_at,
        statements.is_deleted,
        statements.loaded_at,
        case
            when statements.diagnosis_type_source_code is null then coalesce(told_types.diagnosis_type, 'unmapped')
            else statements.diagnosis_type
        end as fact_type
    from statements
    left join told_types
        on
            statements.fact_place = told_types.fact_place
            and statements.fact_concept = told_types.fact_concept
            and statements.certainty = told_types.certainty
),

counted as (
    select
        *,
        row_number() over (
            partition by source_system, diagnosis_type_source_code, fact_place, fact_type, fact_concept, certainty
            order by is_deleted, sequence_no nulls last, part_no, code_norm, source_key
        ) as telling_no
    from typed
),

keyed as (
    select
        *,
        {{ surrogate_key(['fact_place', 'fact_type', 'fact_concept', 'certainty', 'telling_no']) }} as fact_key
    from counted
),

ranked as (
    select
        *,
        row_number() over (
            partition by fact_key
            order by system_trust asc, is_deleted asc, loaded_at desc, source_period desc, source_key asc, part_no asc
        ) as trust
    from keyed
),

filled as (
    select
        fact_key,
        {% for column in filled -%}
            {{ most_trusted(column) }} as {{ column }},
        {% endfor -%}
        {{ filled_from(filled) }} as filled_from,
        {{ all_source_keys() }} as source_keys
    from ranked
    group by fact_key
),

chosen as (
    select
        ranked.diagnosis_key,
        ranked.fact_type,
        filled.sequence_no,
        filled.diagnosis_name,
        filled.present_on_admission,
        filled.diagnosed_at,
        filled.source_keys,
        filled.filled_from
    from ranked
    inner join filled on ranked.fact_key = filled.fact_key
    where ranked.trust = 1
),

diagnoses as (
    select
        statements.diagnosis_key,
        statements.encounter_key,
        statements.patient_key,
        statements.diagnosis_type_source_code,
        chosen.fact_type as diagnosis_type,
        case
            when statements.diagnosis_type_source_code is null then chosen.fact_type else statements.dx_type
        end as dx_type,
        chosen.sequence_no,
        statements.part_no,
        statements.code_raw as diagnosis_source_code,
        case
            when statements.code_pair is null then statements.code_norm
            else statements.code_norm || '+' || statements.code_pair || '*'
        end as diagnosis_code,
        statements.code_raw,
        statements.code_norm,
        statements.code_pair,
        statements.code_system,
        statements.code_system_basis,
        statements.code_version,
        statements.code_valid,
        statements.code_valid_basis,
        statements.concept_code,
        statements.concept_extension,
        statements.mapping_basis,
        statements.mapping_status,
        chosen.diagnosis_name,
        statements.certainty,
        chosen.present_on_admission,
        statements.present_on_admission_source_code,
        chosen.diagnosed_at,
        statements.is_orphan,
        statements.link_method,
        chosen.source_keys,
        chosen.filled_from,
        statements.version_no,
        true as is_current,
        statements.is_deleted,
        statements.valid_from,
        cast(null as timestamp) as valid_to,
        statements.dq_flags,
        statements.source_system,
        statements.source_period,
        statements.source_key,
        statements.load_id,
        statements.loaded_at
    from statements
    inner join chosen on statements.diagnosis_key = chosen.diagnosis_key
)

select * from diagnoses
