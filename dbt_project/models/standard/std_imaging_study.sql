-- One row per study: those with images, those only the archive, the worklist or FHIR tells of, and examinations of a
-- report without any of them. Studies meet reports by the ladder of sources.md 2; each link keeps its step, its score
-- and its candidates, and two candidates on one step, or two people under one accession number, are a question for a
-- person and no link.
{% set filled = [
    'accession_number', 'exam_id', 'request_id', 'visit_id', 'modality', 'body_part', 'study_at', 'device'
] %}

with code_maps as (
    select * from {{ ref('std_code_map') }}
    where entity in ('study', 'imaging_study')
),

modalities as (
    select
        *,
        {{ code_key('source_value') }} as value_key
    from {{ ref('mapping__modality') }}
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

patients as (
    select * from {{ ref('std_patient') }}
),

encounters as (
    select * from {{ ref('std_encounter') }}
),

series as (
    select
        study_instance_uid,
        min(modality) as modality,
        min(body_part) as body_part,
        min(manufacturer_model_name) as device,
        bool_or(upper(coalesce(burned_in_annotation, '')) = 'YES' or coalesce(modality, '') in ('SC', 'OT'))
            as has_burned_in,
        bool_and(upper(coalesce(burned_in_annotation, '')) = 'NO') as has_no_burned_in
    from {{ ref('stg_dicom__series') }}
    where is_present and coalesce(modality, '') not in ('SR', 'SEG', 'PR', 'KO')
    group by study_instance_uid
),

pacs_versions as (
    {{ with_versions(ref('stg_pacs__study'), ['source_period', 'study_instance_uid', 'accession_number']) }}
),

fhir_versions as (
    {{ with_versions(
        ref('stg_fhir__imaging_study'), ['resource_id'], ['last_updated', 'try_cast(version_id as bigint)']
    ) }}
),

told as (
    select
        1 as system_trust,
        studies.source_system,
        cast(null as varchar) as source_period,
        studies.study_instance_uid as source_key,
        studies.study_instance_uid,
        studies.accession_number,
        studies.accession_number_core,
        studies.study_id as exam_id,
        cast(null as varchar) as request_id,
        studies.patient_id,
        cast(null as varchar) as patient_id_core,
        cast(null as varchar) as his_patient_id,
        cast(null as varchar) as person_record_id,
        cast(null as varchar) as visit_id,
        series.modality as modality_source_name,
        cast(null as varchar) as body_part_source_name,
        coalesce(series.body_part, studies.body_part) as body_part,
        series.device,
        studies.study_at,
        studies.n_series as series_count,
        studies.n_instances as instance_count,
        true as has_images,
        case
            when series.has_burned_in then 'high'
            when series.has_no_burned_in then 'low'
            else 'unknown'
        end as burned_in_risk,
        1 as version_no,
        false as is_deleted,
        studies.loaded_at as valid_from,
        studies.load_id,
        studies.loaded_at
    from {{ ref('stg_dicom__study') }} as studies
    left join series on studies.study_instance_uid = series.study_instance_uid
    where studies.is_present
    union all
    select
        2 as system_trust,
        source_system,
        source_period,
        coalesce(study_instance_uid, accession_number, row_sha256) as source_key,
        study_instance_uid,
        accession_number,
        accession_number_core,
        exam_id,
        request_id,
        patient_id,
        patient_id_core,
        his_patient_id,
        person_record_id,
        visit_id,
        modality as modality_source_name,
        body_part as body_part_source_name,
        coalesce({{ body_part_of("concat_ws(' ', body_part, exam_item)") }}, description_body_part) as body_part,
        device,
        coalesce(examined_at, study_started_at, study_date, scheduled_at) as study_at,
        try_cast(series_count as bigint) as series_count,
        try_cast(instance_count as bigint) as instance_count,
        false as has_images,
        'unknown' as burned_in_risk,
        version_no,
        is_deleted,
        valid_from,
        load_id,
        loaded_at
    from pacs_versions
    where is_current
    union all
    select
        3 as system_trust,
        source_system,
        source_period,
        resource_id as source_key,
        study_instance_uid,
        accession_number,
        accession_number_core,
        null as exam_id,
        null as request_id,
        patient_id,
        null as patient_id_core,
        patient_identifier as his_patient_id,
        null as person_record_id,
        null as visit_id,
        modality as modality_source_name,
        body_site as body_part_source_name,
        body_part,
        null as device,
        started_at as study_at,
        try_cast(series_count as bigint) as series_count,
        try_cast(instance_count as bigint) as instance_count,
        false as has_images,
        'unknown' as burned_in_risk,
        version_no,
        is_deleted or lower(coalesce(status, '')) in ('cancelled', 'entered-in-error') as is_deleted,
        valid_from,
        load_id,
        loaded_at
    from fhir_versions
    where is_current
),

coded as (
    select
        told.*,
        told.modality_source_name as modality_source_code,
        coalesce(
            modalities.modality, modality_maps.standard_value, upper(split_part(told.modality_source_name, chr(92), 1))
        ) as modality,
        coalesce(
            by_record.patient_key,
            -- a row that is told apart by its name is not the number's person
            case when by_record.person_record_id is null then by_number.patient_key end,
            by_his_number.patient_key,
            case when by_record.person_record_id is null then unique_cores.survivor_patient_key end
        ) as patient_key,
        -- pictures of one study have one UID; a view without UIDs has an accession number, if anything
        coalesce(
            told.study_instance_uid, 'accession:' || told.accession_number, told.source_system || ':' || told.source_key
        ) as study_id
    from told
    {{ join_code_map('modality_maps', 'told', ['modality'], 'modality_source_name') }}
    left join modalities
        on
            coalesce(
                {{ code_key('modality_maps.standard_value') }},
                upper(trim(split_part(told.modality_source_name, chr(92), 1)))
            ) = modalities.value_key
    left join record_links as by_record on told.person_record_id = by_record.person_record_id
    left join links as by_number on told.patient_id = by_number.patient_id
    left join links as by_his_number on told.his_patient_id = by_his_number.patient_id
    left join unique_cores on told.patient_id_core = unique_cores.patient_id_core
),

ranked as (
    select
        *,
        row_number() over (partition by study_id order by system_trust asc, loaded_at desc, source_key asc) as trust
    from coded
),

studies as (
    select
        study_id,
        {% for column in [
            'study_instance_uid', 'accession_number', 'accession_number_core', 'exam_id', 'request_id', 'patient_key',
            'visit_id', 'modality_source_code', 'modality', 'body_part_source_name', 'body_part', 'device', 'study_at',
            'series_count', 'instance_count', 'source_period'
        ] -%}
            {{ most_trusted(column) }} as {{ column }},
        {% endfor -%}
        count(distinct patient_key) as patient_count,
        {{ filled_from(filled) }} as filled_from,
        {{ all_source_keys() }} as source_keys,
        {% for column in [
            'burned_in_risk', 'has_images', 'version_no', 'valid_from', 'source_system', 'source_key', 'load_id',
            'loaded_at'
        ] -%}
            min_by({{ column }}, trust) as {{ column }},
        {% endfor -%}
        min_by(is_deleted, trust) as is_deleted
    from ranked
    group by study_id
),

reports as (
    select *
    from {{ ref('std_report') }}
    where is_current and report_kind in ('radiology', 'ultrasound', 'endoscopy')
),

by_uid as (
    select
        studies.study_id,
        reports.report_key,
        1 as step,
        case when studies.body_part = reports.body_part then 0 else 1 end as misfit,
        false as is_conflict
    from studies
    inner join reports on studies.study_instance_uid = reports.study_instance_uid
),

by_accession as (
    select
        studies.study_id,
        reports.report_key,
        2 as step,
        case when studies.body_part = reports.body_part then 0 else 1 end as misfit,
        coalesce(studies.patient_key <> reports.patient_key, false) as is_conflict
    from studies
    -- accession numbers are used again after years, so the day has to fit; clocks of devices drift
    inner join reports
        on
            studies.accession_number = reports.accession_number
            and coalesce(abs({{ hours_between('studies.study_at', 'reports.examined_at') }}) <= 24, true)
),

by_accession_core as (
    select
        studies.study_id,
        reports.report_key,
        3 as step,
        case when studies.body_part = reports.body_part then 0 else 1 end as misfit,
        coalesce(studies.patient_key <> reports.patient_key, false) as is_conflict
    from studies
    inner join reports
        on
            studies.accession_number_core = reports.accession_number_core
            and cast(studies.study_at as date) = cast(reports.examined_at as date)
),

by_exam as (
    select
        studies.study_id,
        reports.report_key,
        4 as step,
        case when studies.body_part = reports.body_part then 0 else 1 end as misfit,
        coalesce(studies.patient_key <> reports.patient_key, false) as is_conflict
    from studies
    inner join reports
        on
            studies.exam_id = reports.exam_id
            and studies.modality = reports.modality
            and cast(studies.study_at as date) = cast(reports.examined_at as date)
),

by_patient as (
    select
        studies.study_id,
        reports.report_key,
        5 as step,
        case when studies.body_part = reports.body_part then 0 else 1 end as misfit,
        false as is_conflict
    from studies
    inner join reports
        on
            studies.patient_key = reports.patient_key
            and studies.modality = reports.modality
            and studies.body_part = reports.body_part
            and abs({{ hours_between('studies.study_at', 'reports.examined_at') }}) <= 24
),

candidates as (
    select * from by_uid
    union all
    select * from by_accession
    union all
    select * from by_accession_core
    union all
    select * from by_exam
    union all
    select * from by_patient
),

counted as (
    select
        *,
        -- of two reports under one number the one on the same body part is meant
        rank() over (partition by study_id order by step, misfit) as step_rank,
        min(step) over (partition by report_key) as best_step_of_report,
        count(*) over (partition by study_id, step, misfit) as candidate_count,
        -- two studies may share a request, but on the last step a report is the only one of its study
        count(*) over (partition by report_key, step) as rival_count
    from candidates
),

verdicts as (
    select
        study_id,
        min(step) as step,
        max(report_key) as report_key,
        {{ sorted_list('report_key') }} as candidates,
        bool_or(is_conflict) as is_conflict,
        max(candidate_count) > 1
        or (min(step) = 5 and (max(rival_count) > 1 or min(best_step_of_report) < 5)) as is_ambiguous
    from counted
    where step_rank = 1
    group by study_id
),

links_to_reports as (
    select
        *,
        case when not is_conflict and not is_ambiguous then report_key end as linked_report_key,
        case
            when is_conflict then 'conflict'
            when is_ambiguous then 'ambiguous'
            when step = 1 then 'study_instance_uid'
            when step = 2 then 'accession_number'
            when step = 3 then 'accession_number_core'
            when step = 4 then 'exam_id'
            else 'patient_modality_time'
        end as method,
        case step when 1 then 1.0 when 2 then 0.98 when 3 then 0.9 when 4 then 0.85 else 0.7 end as score
    from verdicts
),

known_studies as (
    select
        {{ surrogate_key(["'study'", 'studies.study_id']) }} as study_key,
        -- images keep their own patient where the report was taken for another
        coalesce(reports.patient_key, studies.patient_key, encounters.patient_key) as patient_key,
        coalesce(reports.encounter_key, encounters.encounter_key) as encounter_key,
        reports.report_key,
        studies.study_instance_uid,
        coalesce(reports.accession_number, studies.accession_number) as accession_number,
        coalesce(reports.accession_number_core, studies.accession_number_core) as accession_number_core,
        coalesce(reports.exam_id, studies.exam_id) as exam_id,
        coalesce(reports.request_id, studies.request_id) as request_id,
        coalesce(studies.modality_source_code, reports.modality_source_name) as modality_source_code,
        coalesce(studies.modality, reports.modality) as modality,
        coalesce(reports.body_part_source_name, studies.body_part_source_name) as body_part_source_name,
        coalesce(reports.body_part, studies.body_part) as body_part,
        studies.device,
        coalesce(studies.study_at, reports.examined_at) as study_at,
        studies.series_count,
        studies.instance_count,
        studies.has_images,
        studies.burned_in_risk,
        case
            when links_to_reports.linked_report_key is not null then links_to_reports.method
            when studies.patient_key is not null then 'patient_id'
            else 'none'
        end as link_method,
        cast(
            case
                when links_to_reports.linked_report_key is not null then links_to_reports.score
                when studies.patient_key is not null then 0.5
                else 0
            end as double
        ) as link_score,
        links_to_reports.candidates as link_candidates,
        coalesce(links_to_reports.is_conflict or links_to_reports.is_ambiguous, false) or studies.patient_count > 1
            as needs_review,
        coalesce(links_to_reports.is_conflict, false) as is_conflict,
        studies.source_keys,
        studies.filled_from,
        studies.version_no,
        studies.is_deleted,
        studies.valid_from,
        studies.source_system,
        studies.source_period,
        studies.source_key,
        studies.load_id,
        studies.loaded_at
    from studies
    left join links_to_reports on studies.study_id = links_to_reports.study_id
    left join reports on links_to_reports.linked_report_key = reports.report_key
    left join encounters on studies.visit_id = encounters.visit_id
),

linked_reports as (
    select distinct linked_report_key from links_to_reports
    where linked_report_key is not null
),

only_reported as (
    select
        {{ surrogate_key(["'study'", 'reports.report_key']) }} as study_key,
        reports.patient_key,
        reports.encounter_key,
        reports.report_key,
        reports.study_instance_uid,
        reports.accession_number,
        reports.accession_number_core,
        reports.exam_id,
        reports.request_id,
        reports.modality_source_name as modality_source_code,
        reports.modality,
        reports.body_part_source_name,
        reports.body_part,
        cast(null as varchar) as device,
        reports.examined_at as study_at,
        cast(null as bigint) as series_count,
        cast(null as bigint) as instance_count,
        false as has_images,
        'unknown' as burned_in_risk,
        reports.link_method,
        cast(case when reports.patient_key is null then 0 else 1 end as double) as link_score,
        cast(null as varchar[]) as link_candidates,
        false as needs_review,
        false as is_conflict,
        reports.source_keys,
        cast(null as varchar) as filled_from,
        reports.version_no,
        reports.is_deleted,
        reports.valid_from,
        reports.source_system,
        reports.source_period,
        reports.source_key,
        reports.load_id,
        reports.loaded_at
    from reports
    left join linked_reports on reports.report_key = linked_reports.linked_report_key
    where linked_reports.linked_report_key is null and reports.report_kind = 'radiology'
),

united as (
    select * from known_studies
    union all
    select * from only_reported
),

finished as (
    select
        united.study_key,
        united.patient_key,
        united.encounter_key,
        united.report_key,
        united.study_instance_uid,
        united.accession_number,
        united.accession_number_core,
        united.exam_id,
        united.request_id,
        united.modality_source_code,
        united.modality,
        united.body_part_source_name,
        united.body_part,
        united.device,
        {{ age_days('patients.birth_date', 'united.study_at') }} as age_days,
        united.study_at,
        united.series_count,
        united.instance_count,
        united.has_images,
        united.burned_in_risk,
        united.link_method,
        united.link_score,
        united.link_candidates,
        united.needs_review,
        united.source_keys,
        united.filled_from,
        united.version_no,
        true as is_current,
        united.is_deleted,
        united.valid_from,
        cast(null as timestamp) as valid_to,
        {{ flag_list([
            ['accession_collision', 'united.is_conflict'],
            ['accession_mismatch', 'united.needs_review and not united.is_conflict'],
            ['orphan_record', 'united.patient_key is null']
        ]) }} as dq_flags,
        united.source_system,
        united.source_period,
        united.source_key,
        united.load_id,
        united.loaded_at
    from united
    left join patients on united.patient_key = patients.patient_key
)

select * from finished
