-- Best assertion of all mentions of one finding in one study: present > uncertain > historical > absent.
with imaging as (
    select
        mart_imaging.episode_id,
        mart_imaging.patient_id,
        mart_imaging.study_uid,
        read_imaging.report_key
    from {{ ref('mart_pulmonary_infection__imaging') }} as mart_imaging
    inner join {{ ref('int_pulmonary_infection_imaging__read') }} as read_imaging
        on mart_imaging.study_uid = read_imaging.study_uid
),

findings as (
    select
        *,
        case assertion when 'present' then 1 when 'uncertain' then 2 when 'historical' then 3 else 4 end
            as assertion_rank
    from {{ ref('std_report_finding') }}
    where
        assertion in ('present', 'uncertain', 'historical', 'absent')
        and coalesce(section, 'unsectioned') not in ('clinical_diagnosis', 'history', 'recommendation', 'technique')
),

ranked as (
    select
        imaging.episode_id,
        imaging.patient_id,
        imaging.study_uid,
        findings.finding_code,
        findings.assertion,
        findings.certainty,
        findings.laterality,
        findings.locations as lobes,
        findings.change,
        findings.section,
        findings.start_offset,
        findings.end_offset,
        findings.mention as evidence_text,
        'rules' as extractor,
        findings.algorithm_version as extractor_version,
        row_number() over (
            partition by imaging.study_uid, findings.finding_code
            order by
                findings.assertion_rank,
                case when findings.section = 'impression' then 0 else 1 end,
                findings.finding_no
        ) as finding_rank,
        findings.source_system,
        findings.load_id,
        findings.loaded_at
    from imaging
    inner join findings on imaging.report_key = findings.report_key
),

best as (
    select
        episode_id,
        patient_id,
        study_uid,
        finding_code,
        assertion,
        certainty,
        laterality,
        lobes,
        change,
        section,
        start_offset,
        end_offset,
        evidence_text,
        extractor,
        extractor_version,
        source_system,
        load_id,
        loaded_at
    from ranked
    where finding_rank = 1
)

select * from best
