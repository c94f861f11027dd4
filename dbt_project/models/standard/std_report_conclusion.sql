-- What the reader of each valid report concluded on each finding (report_structuring.md 9.5): the conclusion speaks
-- first, then the findings; of several mentions the strongest; what is not mentioned has no row and is never absent.
-- Pathology and imaging of the encounter stand beside each other, neither overwrites the other.
with reports as (
    select * from {{ ref('std_report') }}
    where is_current and not is_deleted and report_status in ('final', 'amended', 'supplementary')
),

findings as (
    select * from {{ ref('std_report_finding') }}
    where assertion in ('present', 'uncertain', 'historical', 'absent')
),

pathology_first as (
    select * from {{ ref('value_set__pathology_first') }}
),

mentions as (
    select
        reports.report_key,
        reports.version_no as report_version_no,
        reports.patient_key,
        reports.encounter_key,
        reports.report_kind,
        reports.examined_at,
        reports.source_system,
        findings.finding_code,
        findings.finding_no,
        findings.assertion,
        findings.certainty,
        findings.laterality,
        findings.locations,
        findings.change,
        findings.review_status,
        findings.algorithm_version,
        findings.load_id,
        findings.loaded_at,
        {{ assertion_rank('findings.assertion') }} as assertion_rank,
        {{ is_stated_by_reader('findings.section') }} as is_reader,
        coalesce(findings.section, '') in ('impression', 'path_diagnosis') as is_conclusion
    from findings
    inner join reports on findings.report_key = reports.report_key and findings.report_version_no = reports.version_no
),

sides as (
    select
        report_key,
        finding_code,
        assertion,
        {{ unnest_split(both_sides('laterality'), ';') }} as side
    from mentions
    where is_reader
),

conflicting_sides as (
    select
        report_key,
        finding_code,
        side
    from sides
    group by report_key, finding_code, side
    having
        max(case when assertion = 'present' then 1 else 0 end) = 1
        and max(case when assertion = 'absent' then 1 else 0 end) = 1
),

conflicts as (
    select distinct
        report_key,
        finding_code
    from conflicting_sides
),

ranks as (
    select
        report_key,
        finding_code,
        max(case when is_reader and is_conclusion then assertion_rank end) as conclusion_rank,
        max(case when is_reader and not is_conclusion then assertion_rank end) as body_rank,
        max(case when not is_reader then assertion_rank end) as clinical_rank,
        count(*) as mention_count,
        max(case when review_status <> 'auto' then 1 else 0 end) as is_reviewed
    from mentions
    group by report_key, finding_code
),

-- the mentions that decide, which also say where and how sure
deciding as (
    select mentions.*
    from mentions
    inner join ranks
        on
            mentions.report_key = ranks.report_key
            and mentions.finding_code = ranks.finding_code
            and mentions.is_reader
            and mentions.is_conclusion = (ranks.conclusion_rank is not null)
            and mentions.assertion_rank = coalesce(ranks.conclusion_rank, ranks.body_rank)
),

sites as (
    select
        report_key,
        finding_code,
        case
            when
                max(case when laterality in ('left', 'bilateral') then 1 else 0 end) = 1
                and max(case when laterality in ('right', 'bilateral') then 1 else 0 end) = 1
                then 'bilateral'
            else max(case when laterality <> 'bilateral' then laterality end)
        end as laterality,
        max(
            case certainty when 'definite' then 3 when 'probable' then 2 when 'possible' then 1 end
        ) as certainty_rank,
        min_by(change, finding_no) as change
    from deciding
    group by report_key, finding_code
),

deciding_places as (
    select
        report_key,
        finding_code,
        {{ unnest_split('locations', ';') }} as place
    from deciding
    where locations is not null
),

places as (
    select
        report_key,
        finding_code,
        string_agg(distinct place, ';' order by place) as locations
    from deciding_places
    group by report_key, finding_code
),

reports_and_codes as (
    select
        report_key,
        report_version_no,
        patient_key,
        encounter_key,
        report_kind,
        examined_at,
        finding_code,
        source_system,
        max(algorithm_version) as algorithm_version,
        max(load_id) as load_id,
        max(loaded_at) as loaded_at
    from mentions
    group by
        report_key, report_version_no, patient_key, encounter_key, report_kind, examined_at, finding_code, source_system
),

concluded as (
    select
        reports_and_codes.*,
        coalesce(ranks.conclusion_rank, ranks.body_rank) as status_rank,
        ranks.conclusion_rank,
        ranks.body_rank,
        ranks.clinical_rank,
        ranks.mention_count,
        ranks.is_reviewed,
        sites.laterality,
        sites.certainty_rank,
        sites.change,
        places.locations,
        conflicts.report_key is not null as has_conflict
    from reports_and_codes
    inner join ranks
        on reports_and_codes.report_key = ranks.report_key and reports_and_codes.finding_code = ranks.finding_code
    left join sites
        on reports_and_codes.report_key = sites.report_key and reports_and_codes.finding_code = sites.finding_code
    left join places
        on reports_and_codes.report_key = places.report_key and reports_and_codes.finding_code = places.finding_code
    left join conflicts
        on
            reports_and_codes.report_key = conflicts.report_key
            and reports_and_codes.finding_code = conflicts.finding_code
),

by_encounter as (
    select
        encounter_key,
        finding_code,
        max(case when report_kind = 'pathology' then status_rank end) as pathology_rank,
        max(case when report_kind <> 'pathology' then status_rank end) as imaging_rank
    from concluded
    where encounter_key is not null
    group by encounter_key, finding_code
),

beside as (
    select
        concluded.*,
        coalesce(
            by_encounter.pathology_rank, case when concluded.report_kind = 'pathology' then concluded.status_rank end
        ) as pathology_rank,
        coalesce(
            by_encounter.imaging_rank, case when concluded.report_kind <> 'pathology' then concluded.status_rank end
        ) as imaging_rank,
        pathology_first.finding_code is not null as is_pathology_first
    from concluded
    left join by_encounter
        on
            concluded.encounter_key = by_encounter.encounter_key
            and concluded.finding_code = by_encounter.finding_code
    left join pathology_first on concluded.finding_code = pathology_first.finding_code
),

conclusions as (
    select
        report_key,
        report_version_no,
        patient_key,
        encounter_key,
        report_kind,
        examined_at,
        finding_code,
        {{ assertion_of_rank('status_rank') }} as status,
        case
            when conclusion_rank is not null then 'conclusion'
            when body_rank is not null then 'findings'
        end as status_from,
        {{ assertion_of_rank('conclusion_rank') }} as conclusion_status,
        {{ assertion_of_rank('body_rank') }} as findings_status,
        {{ assertion_of_rank('clinical_rank') }} as clinical_status,
        has_conflict,
        {{ assertion_of_rank('imaging_rank') }} as imaging_status,
        {{ assertion_of_rank('pathology_rank') }} as pathology_status,
        is_pathology_first,
        case
            when is_pathology_first then {{ assertion_of_rank('coalesce(pathology_rank, imaging_rank)') }}
            else {{ assertion_of_rank('status_rank') }}
        end as preferred_status,
        laterality,
        locations,
        case certainty_rank when 3 then 'definite' when 2 then 'probable' when 1 then 'possible' end as certainty,
        change,
        mention_count,
        case when is_reviewed = 1 then 'corrected' else 'auto' end as review_status,
        algorithm_version,
        source_system,
        load_id,
        loaded_at
    from beside
)

select * from conclusions
