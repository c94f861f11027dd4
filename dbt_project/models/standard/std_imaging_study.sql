-- One row per study: those with images, and examinations the RIS knows although no image has come.
-- Images meet the RIS by the ladder of sources.md 2: UID, accession, accession core on the same day.
with series as (
    select
        study_instance_uid,
        min(modality) as modality,
        min(body_part) as body_part
    from {{ ref('stg_dicom__series') }}
    where is_present and coalesce(modality, '') not in ('SR', 'SEG', 'PR', 'KO')
    group by study_instance_uid
),

studies as (
    select
        stg_studies.*,
        series.modality,
        coalesce(series.body_part, stg_studies.body_part) as images_body_part
    from {{ ref('stg_dicom__study') }} as stg_studies
    left join series on stg_studies.study_instance_uid = series.study_instance_uid
    where stg_studies.is_present
),

reports as (
    select *
    from {{ ref('std_report') }}
    where is_current and report_kind = 'radiology'
),

patients as (
    select * from {{ ref('std_patient') }}
),

by_uid as (
    select
        studies.study_instance_uid,
        reports.report_key,
        1 as step,
        'study_instance_uid' as link_method
    from studies
    inner join reports on studies.study_instance_uid = reports.study_instance_uid
),

by_accession as (
    select
        studies.study_instance_uid,
        reports.report_key,
        2 as step,
        'accession_number' as link_method
    from studies
    -- accession numbers are used again after years, so the day has to fit; clocks of devices drift
    inner join reports
        on
            studies.accession_number = reports.accession_number
            and coalesce(abs({{ hours_between('studies.study_at', 'reports.examined_at') }}) <= 24, true)
),

by_accession_core as (
    select
        studies.study_instance_uid,
        reports.report_key,
        3 as step,
        'accession_number_core' as link_method
    from studies
    inner join reports
        on
            studies.accession_number_core = reports.accession_number_core
            and cast(studies.study_at as date) = cast(reports.examined_at as date)
),

candidates as (
    select * from by_uid
    union all
    select * from by_accession
    union all
    select * from by_accession_core
),

counted as (
    select
        *,
        rank() over (partition by study_instance_uid order by step) as step_rank,
        count(*) over (partition by study_instance_uid, step) as candidate_count
    from candidates
),

-- two reports for one study on the same step of the ladder are a question for a person, not a link
links as (
    select
        study_instance_uid,
        report_key,
        link_method
    from counted
    where step_rank = 1 and candidate_count = 1
),

with_images as (
    select
        {{ surrogate_key(["'study'", 'studies.study_instance_uid']) }} as study_key,
        coalesce(reports.patient_key, patients.survivor_patient_key) as patient_key,
        reports.encounter_key,
        reports.report_key,
        studies.study_instance_uid,
        coalesce(reports.accession_number, studies.accession_number) as accession_number,
        reports.exam_id,
        coalesce(studies.modality, reports.modality) as modality,
        coalesce(reports.body_part, studies.images_body_part) as body_part,
        coalesce(studies.study_at, reports.examined_at) as study_at,
        studies.n_series as series_count,
        studies.n_instances as instance_count,
        true as has_images,
        coalesce(links.link_method, case when patients.patient_key is not null then 'patient_id' else 'none' end)
            as link_method,
        'dicom' as source_system,
        studies.load_id,
        studies.loaded_at
    from studies
    left join links on studies.study_instance_uid = links.study_instance_uid
    left join reports on links.report_key = reports.report_key
    left join patients on studies.patient_id = patients.patient_id
),

without_images as (
    select
        {{ surrogate_key(["'study'", 'reports.report_key']) }} as study_key,
        reports.patient_key,
        reports.encounter_key,
        reports.report_key,
        reports.study_instance_uid,
        reports.accession_number,
        reports.exam_id,
        reports.modality,
        reports.body_part,
        reports.examined_at as study_at,
        cast(null as bigint) as series_count,
        cast(null as bigint) as instance_count,
        false as has_images,
        reports.link_method,
        reports.source_system,
        reports.load_id,
        reports.loaded_at
    from reports
    left join links on reports.report_key = links.report_key
    where links.report_key is null
),

united as (
    select * from with_images
    union all
    select * from without_images
)

select * from united
