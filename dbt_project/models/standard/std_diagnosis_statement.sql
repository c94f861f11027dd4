-- Every version of every diagnosis as each system states it, one row for each code of its cell, brought to concepts.
-- std_diagnosis makes one row of the statements of the same fact.
with code_maps as (
    select * from {{ ref('std_code_map') }}
    where entity in ('diagnosis', 'condition')
),

links as (
    select * from {{ ref('std_patient_link') }}
),

record_links as (
    select * from {{ ref('std_patient_record_link') }}
),

unique_cores as (
    {{ unique_patient_cores('links') }}
),

encounters as (
    select * from {{ ref('std_encounter') }}
),

visits as (
    select
        visit_id,
        encounter_key,
        patient_key
    from encounters
    where visit_id is not null
),

-- a reference that names several stays names none
encounter_references as (
    {{ encounter_references('encounters') }}
),

codes as (
    select * from {{ ref('std_code') }}
    where domain = 'diagnosis'
),

types as (
    select
        *,
        {{ code_key('source_value') }} as value_key
    from {{ ref('mapping__diagnosis_type') }}
),

names as (
    select
        {{ term_key('name_zh') }} as term_key,
        min(concept_code) as concept_code
    from {{ ref('terminology__diagnosis_name') }}
    group by {{ term_key('name_zh') }}
),

-- a name that lists give to several concepts decides nothing
listed_names as (
    select
        {{ term_key('code_name') }} as term_key,
        min(regexp_extract(code, '^[A-Z][0-9]{2}(\.[0-9])?', 0)) as concept_code
    from ({{ newest_codes() }})
    where code_system like 'icd10%'
    group by {{ term_key('code_name') }}
    having count(distinct regexp_extract(code, '^[A-Z][0-9]{2}(\.[0-9])?', 0)) = 1
),

reviews as (
    {{ current_reviews('diagnosis') }}
),

keywords as (
    select * from {{ ref('value_set__diagnosis_keyword') }}
),

his_versions as (
    {{ with_versions(ref('stg_his__diagnosis'), ['source_period', 'visit_id', 'diagnosis_type', 'sequence_no']) }}
),

cdr_versions as (
    {{ with_versions(
        ref('stg_cdr__diagnosis'), ['source_period', 'visit_id', 'diagnosis_type', 'sequence_no'], ['updated_at']
    ) }}
),

fhir_versions as (
    {{ with_versions(
        ref('stg_fhir__condition'), ['resource_id'], ['last_updated', 'try_cast(version_id as bigint)']
    ) }}
),

-- each message repeats all diagnoses of its visit
hl7v2_versions as (
    {{ with_versions(
        ref('stg_hl7v2__diagnosis'),
        [
            'sending_application', 'patient_id', 'visit_id', 'diagnosis_type',
            'coalesce(diagnosis_identifier, set_id, diagnosis_number)'
        ],
        ['sent_at']
    ) }}
),

ris_exams as (
    {{ with_versions(ref('stg_ris__exam'), ['source_period', 'exam_id'], ['report_version']) }}
),

ris_texts as (
    select
        report_id,
        text_sha256,
        max_by(clinical_diagnosis, loaded_at) as clinical_diagnosis
    from {{ ref('stg_text__report') }}
    where source = 'ris' and clinical_diagnosis is not null
    group by report_id, text_sha256
),

-- the request names several diagnoses in one text
ris_terms as (
    select
        ris_exams.exam_id,
        ris_exams.patient_id,
        ris_exams.patient_id_core,
        ris_exams.person_record_id,
        ris_exams.visit_id,
        ris_exams.registered_at,
        ris_exams.version_no,
        ris_exams.is_current,
        ris_exams.is_deleted,
        ris_exams.valid_from,
        ris_exams.valid_to,
        ris_exams.source_period,
        ris_exams.load_id,
        ris_exams.loaded_at,
        {{ unnest_split(
            "regexp_replace(ris_texts.clinical_diagnosis, '[；;，,、\\n]+|[ 　]+[0-9]{1,2}[.、]', ';', 'g')", ';'
        ) }}
            as diagnosis_name
    from ris_exams
    inner join ris_texts on ris_exams.exam_id = ris_texts.report_id and ris_exams.text_sha256 = ris_texts.text_sha256
),

-- the same words written in two ways are said once
ris_diagnoses as (
    select
        exam_id,
        patient_id,
        patient_id_core,
        person_record_id,
        visit_id,
        registered_at,
        version_no,
        is_current,
        is_deleted,
        valid_from,
        valid_to,
        source_period,
        load_id,
        loaded_at,
        {{ term_key('diagnosis_name') }} as name_key,
        -- the longer writing, which keeps the doubt
        max(diagnosis_name) as diagnosis_name
    from ris_terms
    where length(diagnosis_name) <= 40
    group by all
),

united as (
    select
        1 as system_trust,
        source_system,
        source_period,
        concat_ws('/', visit_id, diagnosis_type, sequence_no) as source_key,
        visit_id as encounter_reference,
        visit_id,
        patient_id,
        patient_id_core,
        cast(null as varchar) as person_record_id,
        diagnosis_type as diagnosis_type_source_code,
        sequence_no as sequence_source,
        diagnosis_source_code,
        case when diagnosis_code is not null then coalesce(diagnosis_source_code, diagnosis_code) end as code_cell,
        diagnosis_code_system as declared_code_system,
        diagnosis_name,
        present_on_admission as present_on_admission_source_code,
        cast(null as varchar) as told_certainty,
        diagnosed_at,
        version_no,
        is_current,
        is_deleted,
        valid_from,
        valid_to,
        load_id,
        loaded_at
    from his_versions
    union all
    select
        4 as system_trust,
        source_system,
        source_period,
        concat_ws('/', visit_id, diagnosis_type, sequence_no) as source_key,
        visit_id as encounter_reference,
        visit_id,
        patient_id,
        patient_id_core,
        null as person_record_id,
        diagnosis_type as diagnosis_type_source_code,
        sequence_no as sequence_source,
        diagnosis_source_code,
        case when diagnosis_code is not null then coalesce(diagnosis_source_code, diagnosis_code) end as code_cell,
        null as declared_code_system,
        diagnosis_name,
        present_on_admission as present_on_admission_source_code,
        null as told_certainty,
        diagnosed_at,
        version_no,
        is_current,
        is_deleted,
        valid_from,
        valid_to,
        load_id,
        loaded_at
    from cdr_versions
    union all
    select
        5 as system_trust,
        source_system,
        source_period,
        resource_id as source_key,
        encounter_id as encounter_reference,
        null as visit_id,
        coalesce(patient_identifier, patient_id) as patient_id,
        null as patient_id_core,
        null as person_record_id,
        category_code as diagnosis_type_source_code,
        null as sequence_source,
        condition_source_code as diagnosis_source_code,
        -- of two codings the one that is an ICD-10 code by its system stands
        case
            when
                lower(coalesce(condition_alternate_code_system, '')) like '%icd-10%'
                and lower(coalesce(condition_code_system, '')) not like '%icd-10%'
                then condition_alternate_code
            when condition_code is not null then coalesce(condition_source_code, condition_code)
        end as code_cell,
        case
            when
                lower(coalesce(condition_alternate_code_system, '')) like '%icd-10%'
                and lower(coalesce(condition_code_system, '')) not like '%icd-10%'
                then condition_alternate_code_system
            else condition_code_system
        end as declared_code_system,
        condition_name as diagnosis_name,
        null as present_on_admission_source_code,
        case lower(status)
            when 'confirmed' then 'confirmed'
            when 'provisional' then 'suspected'
            when 'differential' then 'suspected'
            when 'unconfirmed' then 'suspected'
            when 'refuted' then 'ruled_out'
        end as told_certainty,
        coalesce(recorded_at, onset_at) as diagnosed_at,
        version_no,
        is_current,
        is_deleted,
        valid_from,
        valid_to,
        load_id,
        loaded_at
    from fhir_versions
    union all
    select
        3 as system_trust,
        source_system,
        source_period,
        concat_ws(
            '/', sending_application, patient_id, visit_id, diagnosis_type,
            coalesce(diagnosis_identifier, set_id, diagnosis_number)
        )
            as source_key,
        visit_id as encounter_reference,
        visit_id,
        patient_id,
        patient_id_core,
        null as person_record_id,
        diagnosis_type as diagnosis_type_source_code,
        coalesce(priority, set_id) as sequence_source,
        diagnosis_source_code,
        case
            when diagnosis_code is null then alternate_code else coalesce(diagnosis_source_code, diagnosis_code)
        end as code_cell,
        case
            when diagnosis_code is null then alternate_code_system else coalesce(diagnosis_code_system, coding_method)
        end as declared_code_system,
        diagnosis_name,
        null as present_on_admission_source_code,
        null as told_certainty,
        diagnosed_at,
        version_no,
        is_current,
        is_deleted or coalesce(upper(action_code) = 'D', false) as is_deleted,
        valid_from,
        valid_to,
        load_id,
        loaded_at
    from hl7v2_versions
    union all
    select
        9 as system_trust,
        'ris' as source_system,
        source_period,
        concat_ws('/', exam_id, name_key) as source_key,
        visit_id as encounter_reference,
        visit_id,
        patient_id,
        patient_id_core,
        person_record_id,
        'clinical' as diagnosis_type_source_code,
        null as sequence_source,
        null as diagnosis_source_code,
        null as code_cell,
        null as declared_code_system,
        {{ mask_numbers('diagnosis_name') }} as diagnosis_name,
        null as present_on_admission_source_code,
        null as told_certainty,
        registered_at as diagnosed_at,
        version_no,
        is_current,
        is_deleted,
        valid_from,
        valid_to,
        load_id,
        loaded_at
    from ris_diagnoses
    where name_key is not null
),

coded as (
    select
        united.*,
        codes.part_no,
        codes.code_norm,
        codes.code_pair,
        codes.code_system,
        codes.code_system_basis,
        codes.code_version,
        codes.code_valid,
        codes.code_valid_basis,
        codes.concept_code as code_concept,
        codes.concept_extension,
        codes.concept_basis,
        codes.is_respelled,
        codes.is_of_other_domain,
        type_maps.standard_value as mapped_type,
        coalesce(types.diagnosis_type, 'unmapped') as diagnosis_type,
        {{ term_key('united.diagnosis_name') }} as name_key,
        coalesce(united.told_certainty, {{ certainty_of('united.diagnosis_name') }}) as certainty
    from united
    left join code_maps as code_code_maps
        on
            united.source_system = code_code_maps.source_system
            and coalesce(united.source_period, '') = code_code_maps.period_key
            and code_code_maps.column_name in ('diagnosis_code', 'condition_code')
            and {{ code_key('united.code_cell') }} = code_code_maps.value_key
    left join codes
        on
            coalesce(code_code_maps.standard_value, united.code_cell) = codes.code_cell
            and case when code_code_maps.standard_value is null then united.declared_code_system end
            is not distinct from codes.declared_code_system
    {{ join_code_map('type_maps', 'united', ['diagnosis_type', 'category_code'], 'diagnosis_type_source_code') }}
    left join types
        on
            coalesce({{ code_key('type_maps.standard_value') }}, {{ code_key('united.diagnosis_type_source_code') }})
            = types.value_key
),

-- the decision about this system's code or term goes before one about everybody's
reviewed as (
    select
        coded.*,
        coalesce(own_code.decision, any_code.decision, own_term.decision, any_term.decision) as decision,
        case
            when own_code.decision is not null then own_code.target_code
            when any_code.decision is not null then any_code.target_code
            when own_term.decision is not null then own_term.target_code
            else any_term.target_code
        end as reviewed_concept
    from coded
    left join reviews as own_code
        on coded.code_norm = own_code.source_code and coded.source_system = own_code.only_system
    left join reviews as any_code on coded.code_norm = any_code.source_code and any_code.only_system = ''
    left join reviews as own_term
        on
            coded.code_concept is null and own_term.source_code is null
            and coded.name_key = own_term.source_term and coded.source_system = own_term.only_system
    left join reviews as any_term
        on
            coded.code_concept is null and any_term.source_code is null
            and coded.name_key = any_term.source_term and any_term.only_system = ''
),

identified as (
    select
        reviewed.*,
        case
            when reviewed.decision = 'map' then reviewed.reviewed_concept
            when reviewed.decision is null
                then coalesce(reviewed.code_concept, listed_names.concept_code, names.concept_code)
        end as concept_code,
        case
            when reviewed.decision = 'map' then 'review'
            when reviewed.decision is not null then null
            when reviewed.code_concept is not null then reviewed.concept_basis
            when listed_names.concept_code is not null then 'name_list'
            when names.concept_code is not null then 'name'
        end as mapping_basis,
        coalesce(listed_names.concept_code, names.concept_code) as name_concept
    from reviewed
    left join listed_names on reviewed.name_key = listed_names.term_key
    left join names on reviewed.name_key = names.term_key
),

-- different names a code are few, so words are looked for once a pair of them
named_codes as (
    select distinct
        code_norm,
        diagnosis_name
    from identified
    where code_norm is not null and code_concept is not null and diagnosis_name is not null and certainty = 'confirmed'
),

mismatches as (
    select
        named_codes.code_norm,
        named_codes.diagnosis_name
    from named_codes
    inner join keywords on regexp_matches(named_codes.diagnosis_name, keywords.name_pattern)
    group by named_codes.code_norm, named_codes.diagnosis_name
    having not bool_or(regexp_matches(named_codes.code_norm, keywords.code_pattern))
),

statements as (
    select
        {{ surrogate_key([
            "'diagnosis'", 'identified.source_system', 'identified.source_period', 'identified.source_key',
            'coalesce(identified.part_no, 1)'
        ]) }} as diagnosis_key,
        coalesce(visits.encounter_key, encounter_references.encounter_key) as encounter_key,
        coalesce(
            by_record.patient_key,
            visits.patient_key,
            encounter_references.patient_key,
            case when by_record.person_record_id is null then links.patient_key end,
            case when by_record.person_record_id is null then unique_cores.survivor_patient_key end
        ) as patient_key,
        case
            when by_record.patient_key is not null then by_record.link_method
            when visits.patient_key is not null or encounter_references.patient_key is not null then 'visit_id'
            when by_record.person_record_id is null and links.patient_key is not null then 'patient_id'
            when by_record.person_record_id is null and unique_cores.survivor_patient_key is not null
                then 'patient_id_without_zeros'
            else 'none'
        end as link_method,
        identified.system_trust
        - case
            when coalesce(regexp_matches(identified.diagnosis_type_source_code, '首页|病案'), false) then 1 else 0
        end as system_trust,
        identified.diagnosis_type_source_code,
        identified.diagnosis_type,
        case
            when identified.diagnosis_type <> 'discharge' then identified.diagnosis_type
            when
                regexp_matches(
                    coalesce(identified.mapped_type, identified.diagnosis_type_source_code), '其他|次要|(?i)other|secondary'
                ) then 'discharge_other'
            when
                regexp_matches(
                    coalesce(identified.mapped_type, identified.diagnosis_type_source_code), '主要|主诊断|(?i)main|principal'
                ) then 'discharge_main'
            when try_cast(identified.sequence_source as integer) = 1 and coalesce(identified.part_no, 1) = 1
                then 'discharge_main'
            else 'discharge_other'
        end as dx_type,
        try_cast(identified.sequence_source as integer) as sequence_no,
        cast(coalesce(identified.part_no, 1) as integer) as part_no,
        identified.diagnosis_source_code as code_raw,
        identified.code_norm,
        identified.code_pair,
        coalesce(identified.code_system, case when identified.code_cell is not null then 'local' end) as code_system,
        identified.code_system_basis,
        identified.code_version,
        identified.code_valid,
        identified.code_valid_basis,
        identified.concept_code,
        identified.concept_extension,
        identified.mapping_basis,
        case
            when identified.mapping_basis = 'review' then 'reviewed'
            when identified.concept_code is not null then 'mapped'
            else 'unmapped'
        end as mapping_status,
        identified.diagnosis_name,
        identified.name_key,
        identified.certainty,
        case
            when identified.present_on_admission_source_code in ('1', '有', 'Y', 'y') then '1'
            when identified.present_on_admission_source_code in ('2', '临床未确定', 'W', 'w') then '2'
            when identified.present_on_admission_source_code in ('3', '情况不明', 'U', 'u') then '3'
            when identified.present_on_admission_source_code in ('4', '无', 'N', 'n') then '4'
        end as present_on_admission,
        identified.present_on_admission_source_code,
        identified.diagnosed_at,
        coalesce(visits.encounter_key, encounter_references.encounter_key) is null as is_orphan,
        identified.version_no,
        identified.is_current,
        identified.is_deleted,
        identified.valid_from,
        identified.valid_to,
        {{ flag_list([
            ['code_format', 'identified.is_respelled'],
            [
                'code_name_mismatch',
                "mismatches.code_norm is not null or (identified.certainty = 'confirmed' and identified.code_concept is not null "
                ~ "and substr(identified.name_concept, 1, 1) <> substr(identified.code_concept, 1, 1) "
                ~ "and substr(identified.code_concept, 1, 1) not in ('O', 'P', 'Z', 'Y', 'R'))"
            ],
            ['code_system_mixed', 'identified.is_of_other_domain'],
            [
                'code_unknown',
                "identified.code_cell is not null and identified.decision is null and (identified.code_valid = false "
                ~ "or (identified.code_concept is null and coalesce(identified.code_system, 'local') in ('local', 'icd9cm')))"
            ],
            ['orphan_record', 'coalesce(visits.encounter_key, encounter_references.encounter_key) is null']
        ]) }} as dq_flags,
        identified.source_system,
        identified.source_period,
        identified.source_key,
        identified.load_id,
        identified.loaded_at
    from identified
    left join record_links as by_record on identified.person_record_id = by_record.person_record_id
    left join visits on identified.visit_id = visits.visit_id
    left join encounter_references
        on identified.source_system || ':' || identified.encounter_reference = encounter_references.source_reference
    left join links on identified.patient_id = links.patient_id
    left join unique_cores on identified.patient_id_core = unique_cores.patient_id_core
    left join mismatches
        on identified.code_norm = mismatches.code_norm and identified.diagnosis_name = mismatches.diagnosis_name
)

select * from statements
