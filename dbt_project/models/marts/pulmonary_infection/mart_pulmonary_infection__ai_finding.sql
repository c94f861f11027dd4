with imaging as (
    select
        mart_imaging.episode_id,
        mart_imaging.patient_id,
        mart_imaging.study_uid,
        read_imaging.study_key
    from {{ ref('mart_pulmonary_infection__imaging') }} as mart_imaging
    inner join {{ ref('int_pulmonary_infection_imaging__read') }} as read_imaging
        on mart_imaging.study_uid = read_imaging.study_uid
),

ai_findings as (
    select * from {{ ref('std_ai_finding') }}
),

findings as (
    select
        imaging.episode_id,
        imaging.patient_id,
        imaging.study_uid,
        ai_findings.ai_finding_key,
        ai_findings.sop_instance_uid,
        ai_findings.finding_number,
        ai_findings.finding_type,
        ai_findings.finding_site,
        ai_findings.laterality,
        ai_findings.long_axis_mm,
        ai_findings.short_axis_mm,
        ai_findings.mean_diameter_mm,
        ai_findings.volume_mm3,
        ai_findings.probability,
        ai_findings.is_current,
        ai_findings.observed_at,
        ai_findings.algorithm,
        ai_findings.algorithm_version,
        ai_findings.source_system,
        ai_findings.load_id,
        ai_findings.loaded_at
    from ai_findings
    inner join imaging on ai_findings.study_key = imaging.study_key
)

select * from findings
