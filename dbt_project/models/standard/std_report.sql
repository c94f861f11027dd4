-- All versions of all reports; the newest by the source's own version number, then by time, is current.
with radiology as (
    {{ with_versions(ref('stg_ris__exam'), ['exam_id', 'report_version']) }}
),

ultrasound as (
    {{ with_versions(ref('stg_us__exam'), ['exam_id']) }}
),

pathology as (
    {{ with_versions(ref('stg_path__report'), ['pathology_id', 'report_type']) }}
),

texts as (
    select
        *,
        row_number() over (
            partition by source, report_id, text_sha256 order by loaded_at desc, algorithm_version desc
        ) as text_rank
    from {{ ref('stg_text__report') }}
),

patients as (
    select * from {{ ref('std_patient') }}
),

unique_cores as (
    {{ unique_patient_cores('patients') }}
),

encounters as (
    select * from {{ ref('std_encounter') }}
),

statuses as (
    select * from {{ ref('mapping__report_status') }}
),

modalities as (
    select * from {{ ref('mapping__modality') }}
),

united as (
    select
        source_system,
        'radiology' as report_kind,
        exam_id as report_id,
        exam_id,
        accession_number,
        accession_number_core,
        study_instance_uid,
        patient_id,
        patient_id_core,
        visit_id,
        modality as modality_source_name,
        body_part as body_part_source_name,
        exam_item,
        report_status as report_status_source_name,
        try_cast(report_version as integer) as source_version,
        text_sha256,
        coalesce(examined_at, registered_at) as examined_at,
        reported_at,
        verified_at,
        source_period,
        source_row_no,
        load_id,
        loaded_at
    from radiology
    where is_current
    union all
    select
        source_system,
        'ultrasound' as report_kind,
        exam_id as report_id,
        exam_id,
        null as accession_number,
        null as accession_number_core,
        null as study_instance_uid,
        patient_id,
        patient_id_core,
        null as visit_id,
        'US' as modality_source_name,
        exam_item as body_part_source_name,
        exam_item,
        '已审核' as report_status_source_name,
        version_no as source_version,
        text_sha256,
        examined_at,
        examined_at as reported_at,
        examined_at as verified_at,
        source_period,
        source_row_no,
        load_id,
        loaded_at
    from ultrasound
    union all
    select
        source_system,
        'pathology' as report_kind,
        concat_ws('/', pathology_id, report_type) as report_id,
        pathology_id as exam_id,
        null as accession_number,
        null as accession_number_core,
        null as study_instance_uid,
        patient_id,
        patient_id_core,
        null as visit_id,
        'PATH' as modality_source_name,
        null as body_part_source_name,
        report_type as exam_item,
        case when report_type like '%补充%' then '补充' else '已审核' end as report_status_source_name,
        version_no as source_version,
        text_sha256,
        submitted_at as examined_at,
        reported_at,
        reported_at as verified_at,
        source_period,
        source_row_no,
        load_id,
        loaded_at
    from pathology
),

reports as (
    select
        {{ surrogate_key(["'report'", 'united.source_system', 'united.report_id']) }} as report_key,
        row_number() over (
            partition by united.source_system, united.report_id
            order by
                united.source_version nulls first, united.verified_at nulls first, united.loaded_at,
                united.load_id, united.source_row_no
        ) as version_no,
        row_number() over (
            partition by united.source_system, united.report_id
            order by
                united.source_version desc nulls last, united.verified_at desc nulls last, united.loaded_at desc,
                united.load_id desc, united.source_row_no desc
        ) = 1 as is_current,
        coalesce(
            exact_patients.survivor_patient_key, encounters.patient_key, unique_cores.survivor_patient_key
        ) as patient_key,
        encounters.encounter_key,
        united.exam_id,
        united.accession_number,
        united.accession_number_core,
        united.study_instance_uid,
        united.report_kind,
        united.modality_source_name,
        coalesce(modalities.modality, united.modality_source_name) as modality,
        united.body_part_source_name,
        {{ body_part_of("concat_ws(' ', united.body_part_source_name, united.exam_item)") }} as body_part,
        united.exam_item,
        united.report_status_source_name,
        coalesce(statuses.report_status, 'unmapped') as report_status,
        texts.findings as findings_text,
        texts.impression as impression_text,
        texts.clinical_diagnosis as clinical_diagnosis_text,
        texts.full_text,
        texts.algorithm_version as text_algorithm_version,
        united.text_sha256,
        case
            when texts.report_id is null then 'not_structured'
            when texts.failure is not null then 'failed'
            else 'ok'
        end as text_status,
        united.examined_at,
        united.reported_at,
        united.verified_at,
        case
            when exact_patients.patient_key is not null then 'patient_id'
            when encounters.patient_key is not null then 'visit_id'
            when unique_cores.survivor_patient_key is not null then 'patient_id_without_zeros'
            else 'none'
        end as link_method,
        united.source_system,
        united.source_period,
        united.load_id,
        united.loaded_at
    from united
    left join texts
        on
            united.source_system = texts.source
            and united.exam_id = texts.report_id
            and united.text_sha256 = texts.text_sha256
            and texts.text_rank = 1
    left join patients as exact_patients on united.patient_id = exact_patients.patient_id
    left join encounters on united.visit_id = encounters.visit_id
    left join unique_cores on united.patient_id_core = unique_cores.patient_id_core
    left join statuses on united.report_status_source_name = statuses.source_value
    left join modalities on upper(united.modality_source_name) = modalities.source_value
)

select * from reports
