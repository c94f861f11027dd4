-- Findings of the current version of each report, as the reading that std_report chose has them: what a person vouches
-- for, else the newest run.
with entities as (
    select * from {{ ref('stg_text__report_entity') }}
),

reports as (
    select * from {{ ref('std_report') }}
    where is_current
),

current_findings as (
    select
        {{ surrogate_key([
            "'finding'", 'reports.report_key', 'reports.version_no', 'entities.algorithm_version', 'entities.entity_no'
        ]) }} as finding_key,
        reports.report_key,
        reports.version_no as report_version_no,
        reports.patient_key,
        entities.finding_code,
        entities.assertion,
        entities.certainty,
        entities.laterality,
        entities.locations,
        entities.change,
        entities.compared_to,
        entities.section,
        entities.entity_no as finding_no,
        entities.start_offset,
        entities.end_offset,
        entities.mention,
        entities.cue_text,
        entities.cue_offset,
        entities.sentence,
        entities.rule_id,
        entities.confidence,
        entities.review_status,
        entities.reviewed_at,
        entities.run_id,
        entities.algorithm,
        entities.algorithm_version,
        reports.source_system,
        entities.load_id,
        entities.loaded_at
    from entities
    inner join reports
        on
            entities.source = reports.text_source
            and entities.report_id = reports.text_report_id
            and entities.text_sha256 = reports.text_sha256
            and entities.algorithm_version = reports.text_algorithm_version
)

select * from current_findings
