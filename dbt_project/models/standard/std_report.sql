-- One report of all versions, whichever systems tell of it. The department that owns a report tells it; what the
-- repository, messages and FHIR say of the same examination joins it as a further key and fills only what is missing
-- (sources.md 5.1-5.3).
{% set filled = [
    'accession_number', 'study_instance_uid', 'request_id', 'visit_id', 'examined_at', 'reported_at', 'verified_at'
] %}
{% set text_columns = [
    ('findings', 'findings_text'), ('impression', 'impression_text'), ('clinical_diagnosis', 'clinical_diagnosis_text'),
    ('full_text', 'full_text'), ('algorithm_version', 'text_algorithm_version'), ('review_status', 'text_review_status'),
    ('text_flags', 'text_flags'), ('failure', 'text_failure')
] %}

with stored as (
    select
        source,
        report_id,
        text_sha256,
        findings,
        impression,
        clinical_diagnosis,
        full_text,
        text_flags,
        failure,
        run_id,
        algorithm_version,
        loaded_at,
        coalesce(review_status, 'auto') as review_status
    from {{ ref('stg_text__report') }}
),

readings as (
    select
        *,
        row_number() over (
            partition by source, report_id, text_sha256, review_status
            order by loaded_at desc, run_id desc, algorithm_version desc
        ) as reading_rank
    from stored
),

latest as (
    select * from readings
    where reading_rank = 1
),

-- what a person vouches for wins, as long as it was said of the text as it is scrubbed now
texts as (
    select latest.*
    from latest
    left join latest as other
        on
            latest.source = other.source
            and latest.report_id = other.report_id
            and latest.text_sha256 = other.text_sha256
            and latest.review_status <> other.review_status
    where
        other.report_id is null
        or (latest.review_status = 'corrected') = coalesce(latest.full_text = other.full_text, false)
),

linked as (
    select * from {{ ref('std_report_source') }}
),

encounters as (
    select * from {{ ref('std_encounter') }}
),

patients as (
    select * from {{ ref('std_patient') }}
),

current_reports as (
    select * from linked
    where is_current
),

owned as (
    select
        *,
        source_system || ':' || report_id as fact_id
    from current_reports
    where system_trust = 1
),

copies as (
    select * from current_reports
    where system_trust > 1
),

candidates as (
    {% for condition in [
        'copies.study_instance_uid = owned.study_instance_uid',
        'copies.exam_id = owned.exam_id and coalesce(copies.patient_key = owned.patient_key, true)'
        ~ ' and (copies.told_kind is null or copies.report_kind = owned.report_kind)',
        'copies.accession_number = owned.accession_number and coalesce(copies.patient_key = owned.patient_key, true)'
        ~ ' and coalesce(abs(' ~ hours_between('copies.examined_at', 'owned.examined_at') ~ ') <= 24, true)',
        'copies.patient_key = owned.patient_key and copies.accession_number_core = owned.accession_number_core'
        ~ ' and cast(copies.examined_at as date) = cast(owned.examined_at as date)',
        'copies.patient_key = owned.patient_key'
        ~ " and date_trunc('minute', copies.examined_at) = date_trunc('minute', owned.examined_at)"
        ~ ' and coalesce(copies.exam_id = owned.exam_id, true)'
        ~ ' and coalesce(copies.accession_number_core = owned.accession_number_core, true)'
    ] -%}
        select
            copies.source_system,
            copies.report_id,
            owned.source_system as owner_system,
            owned.report_id as owner_report_id,
            {{ loop.index }} as step
        from copies
        inner join owned on {{ condition }}
        {% if not loop.last %}union all{% endif %}
    {% endfor %}
),

ranked_candidates as (
    select
        *,
        rank() over (partition by source_system, report_id order by step) as step_rank,
        count(*) over (partition by source_system, report_id, step) as candidate_count
    from candidates
),

copied as (
    select
        copies.*,
        coalesce(
            ranked_candidates.owner_system || ':' || ranked_candidates.owner_report_id,
            -- copies among themselves meet on the number of the examination
            '=' || coalesce(copies.exam_id, copies.accession_number, copies.source_system || ':' || copies.report_id)
        ) as fact_id
    from copies
    left join ranked_candidates
        on
            copies.source_system = ranked_candidates.source_system
            and copies.report_id = ranked_candidates.report_id
            and ranked_candidates.step_rank = 1
            and ranked_candidates.candidate_count = 1
),

facts as (
    select * from owned
    union all
    select * from copied
),

ranked_facts as (
    select
        *,
        report_id as source_key,
        row_number() over (partition by fact_id order by system_trust asc, loaded_at desc, report_id asc) as trust
    from facts
),

-- an owner that delivers no text of its own is read in the words of the most trusted copy that has one
told_texts as (
    select
        texts.*,
        ranked_facts.fact_id,
        row_number() over (partition by ranked_facts.fact_id order by ranked_facts.trust) as told_rank
    from ranked_facts
    inner join texts
        on
            ranked_facts.source_system = texts.source
            and ranked_facts.text_report_id = texts.report_id
            and ranked_facts.text_sha256 = texts.text_sha256
    where texts.failure is null
),

merged as (
    select
        fact_id,
        min_by(source_system, trust) as head_system,
        min_by(report_id, trust) as head_report_id,
        {{ all_source_keys() }} as source_keys,
        {{ filled_from(filled) }} as filled_from,
        {% for column in filled + [
            'patient_key', 'encounter_key', 'accession_number_core', 'body_part', 'body_parts'
        ] -%}
            {{ most_trusted(column) }} as {{ column }}{% if not loop.last %},{% endif %}
        {% endfor %}
    from ranked_facts
    group by fact_id
),

-- a report that names no visit belongs to the only encounter of the person around that time
windows as (
    select
        merged.head_system,
        merged.head_report_id,
        max(encounters.encounter_key) as encounter_key
    from merged
    inner join encounters
        on
            merged.patient_key = encounters.patient_key
            and merged.examined_at >= encounters.admitted_at - interval 24 hour
            and merged.examined_at < coalesce(encounters.discharged_at, encounters.admitted_at) + interval 24 hour
    where
        merged.encounter_key is null and merged.examined_at is not null and encounters.encounter_status <> 'cancelled'
    group by merged.head_system, merged.head_report_id
    having count(*) = 1
),

reports as (
    select
        {{ surrogate_key(["'report'", 'linked.source_system', 'linked.report_id']) }} as report_key,
        linked.version_no,
        linked.is_current,
        coalesce(linked.patient_key, merged.patient_key) as patient_key,
        coalesce(linked.encounter_key, merged.encounter_key, windows.encounter_key) as encounter_key,
        coalesce(linked.exam_id, linked.report_id) as exam_id,
        linked.pathology_id,
        coalesce(linked.accession_number, merged.accession_number) as accession_number,
        coalesce(linked.accession_number_core, merged.accession_number_core) as accession_number_core,
        coalesce(linked.study_instance_uid, merged.study_instance_uid) as study_instance_uid,
        coalesce(linked.request_id, merged.request_id) as request_id,
        linked.report_kind,
        linked.modality_source_name,
        linked.modality,
        linked.modality_mapping_status,
        linked.body_part_source_name,
        coalesce(linked.body_part, merged.body_part) as body_part,
        coalesce(linked.body_parts, merged.body_parts) as body_parts,
        coalesce(coalesce(linked.body_parts, merged.body_parts) like '%;%', false) as is_multi_part,
        linked.body_part_mapping_status,
        linked.exam_item,
        linked.report_status_source_name,
        linked.report_status,
        linked.report_status_mapping_status,
        linked.positive_flag as positive_flag_source,
        case when linked.version_no > 1 then linked.version_no - 1 end as supersedes_version,
        {% for column, name in text_columns -%}
            case when filling.report_id is not null then filling.{{ column }} else texts.{{ column }} end as {{ name }},
        {% endfor -%}
        coalesce(filling.source, linked.source_system) as text_source,
        coalesce(filling.report_id, linked.text_report_id) as text_report_id,
        coalesce(filling.text_sha256, linked.text_sha256) as text_sha256,
        case
            when filling.report_id is not null then 'ok'
            when texts.report_id is null then 'not_structured'
            when texts.failure is not null then 'failed'
            else 'ok'
        end as text_status,
        linked.text_quality,
        {{ age_days('patients.birth_date', 'linked.examined_at') }} as age_days,
        coalesce(linked.examined_at, merged.examined_at) as examined_at,
        coalesce(linked.reported_at, merged.reported_at) as reported_at,
        coalesce(linked.verified_at, merged.verified_at) as verified_at,
        linked.link_method,
        case
            when linked.encounter_key is not null then 'visit_id'
            when merged.encounter_key is not null then 'copy'
            when windows.encounter_key is not null then 'time_window'
            else 'none'
        end as encounter_link_method,
        merged.source_keys,
        nullif(
            concat_ws(
                ';',
                merged.filled_from,
                case when filling.source <> linked.source_system then 'text:' || filling.source end
            ), ''
        ) as filled_from,
        linked.is_deleted,
        linked.valid_from,
        linked.valid_to,
        {{ flag_list([
            ['date_order', 'linked.reported_at < linked.examined_at - interval 24 hour'],
            ['orphan_record', 'coalesce(linked.patient_key, merged.patient_key) is null'],
            ['preliminary_report', "linked.report_status = 'preliminary'"],
            ['report_amendment', 'linked.version_no > 1'],
            ['report_cancelled', "linked.report_status in ('cancelled', 'recalled')"],
            ['template_residue', "linked.text_quality = 'template_only'"],
            ['truncated_text', "linked.text_quality = 'truncated'"],
            ['encoding_lost', "linked.text_quality = 'mojibake'"]
        ]) }} as dq_flags,
        linked.source_system,
        linked.source_period,
        linked.report_id as source_key,
        linked.load_id,
        linked.loaded_at
    from linked
    -- copies of a report that another system tells stand in its source_keys, not in rows of their own
    inner join merged on linked.source_system = merged.head_system and linked.report_id = merged.head_report_id
    left join windows
        on merged.head_system = windows.head_system and merged.head_report_id = windows.head_report_id
    left join texts
        on
            linked.source_system = texts.source
            and linked.text_report_id = texts.report_id
            and linked.text_sha256 = texts.text_sha256
    left join told_texts as filling
        on
            merged.fact_id = filling.fact_id
            and filling.told_rank = 1
            and linked.is_current
            and coalesce(texts.failure, case when texts.report_id is null then 'empty_text' end) = 'empty_text'
    left join patients on coalesce(linked.patient_key, merged.patient_key) = patients.patient_key
)

select * from reports
