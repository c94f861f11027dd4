-- Findings of the current version of each report, as read by the newest version of the algorithm.
with findings as (
    select * from {{ ref('stg_text__finding') }}
),

reports as (
    select * from {{ ref('std_report') }}
),

current_findings as (
    select
        {{ surrogate_key([
            "'finding'", 'findings.source', 'findings.report_id', 'findings.text_sha256',
            'findings.algorithm_version', 'findings.finding_no'
        ]) }} as finding_key,
        reports.report_key,
        reports.version_no as report_version_no,
        reports.patient_key,
        findings.finding_code,
        findings.assertion,
        findings.certainty,
        findings.laterality,
        findings.locations,
        findings.change,
        findings.section,
        findings.finding_no,
        findings.start_offset,
        findings.end_offset,
        findings.mention,
        findings.sentence,
        findings.algorithm,
        findings.algorithm_version,
        findings.source as source_system,
        findings.load_id,
        findings.loaded_at
    from findings
    inner join reports
        on
            findings.source = reports.source_system
            and findings.report_id = reports.exam_id
            and findings.text_sha256 = reports.text_sha256
            and findings.algorithm_version = reports.text_algorithm_version
            and reports.is_current
)

select * from current_findings
