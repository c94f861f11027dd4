-- The disease a valid report is counted under: by the part it is on, and where no part is known, as in pathology, by
-- the organ system of what it mentions. A report on several parts is counted under each.
with reports as (
    select * from {{ ref('std_report') }}
    where
        is_current
        and not is_deleted
        and report_status in ('final', 'amended', 'supplementary')
        and text_status = 'ok'
),

domains as (
    select * from {{ ref('mapping__finding_domain') }}
),

conclusions as (
    select * from {{ ref('std_report_conclusion') }}
),

parts as (
    select
        report_key,
        {{ unnest_split('body_parts', ';') }} as body_part
    from reports
    where body_parts is not null
),

by_part as (
    select distinct
        parts.report_key,
        domains.disease
    from parts
    inner join domains on parts.body_part = domains.body_part
),

by_mention as (
    select distinct
        conclusions.report_key,
        domains.disease
    from conclusions
    inner join domains on split_part(conclusions.finding_code, '.', 1) = domains.finding_domain
),

told as (
    select
        report_key,
        disease,
        'body_part' as told_by
    from by_part
    union all
    select
        by_mention.report_key,
        by_mention.disease,
        'finding' as told_by
    from by_mention
    left join by_part on by_mention.report_key = by_part.report_key
    where by_part.report_key is null
),

report_diseases as (
    select
        reports.report_key,
        told.disease,
        told.told_by,
        reports.patient_key,
        reports.report_kind,
        reports.examined_at,
        reports.source_system,
        reports.load_id,
        reports.loaded_at
    from reports
    inner join told on reports.report_key = told.report_key
)

select * from report_diseases
