-- All versions of all reports of the pathology department with what only pathology has: specimens, parts of the text,
-- the kind of report and the operation the specimen came from. Versions are numbered as in std_report.
with cases as (
    select
        *,
        concat_ws('/', pathology_id, report_type) as report_id,
        try_cast(report_version as integer) as source_version,
        coalesce(verified_at, reported_at) as ordered_at
    from {{ ref('stg_path__report') }}
),

versions as (
    {{ with_versions('cases', ['report_id'], ['source_version', 'ordered_at', 'reported_at']) }}
),

code_maps as (
    select * from {{ ref('std_code_map') }}
    where entity = 'report' and source_system = 'path'
),

types as (
    select
        *,
        {{ code_key('source_value') }} as value_key
    from {{ ref('mapping__pathology_report_type') }}
),

reports as (
    select * from {{ ref('std_report') }}
    where source_system = 'path'
),

procedures as (
    select * from {{ ref('std_procedure') }}
    where not is_deleted and patient_key is not null
),

-- the operation of the week before the specimen arrived, when there is only one
origins as (
    select
        reports.report_key,
        max(procedures.procedure_key) as procedure_key
    from reports
    inner join procedures
        on
            reports.patient_key = procedures.patient_key
            and cast(coalesce(procedures.started_at, procedures.performed_date) as date)
            <= cast(reports.examined_at as date)
            and cast(coalesce(procedures.started_at, procedures.performed_date) as date)
            > cast(reports.examined_at as date) - 7
    where reports.is_current
    group by reports.report_key
    having count(distinct coalesce(procedures.started_at, procedures.performed_date)) = 1
),

pathologies as (
    select
        reports.report_key as pathology_key,
        versions.version_no,
        reports.is_current,
        reports.patient_key,
        reports.encounter_key,
        origins.procedure_key as linked_procedure_key,
        reports.pathology_id,
        versions.specimen_no,
        versions.report_type as report_type_source_name,
        coalesce(types.report_type, type_maps.standard_value, 'routine') as report_type,
        case
            when versions.report_type is null then 'inferred'
            else {{ mapping_status('versions.report_type', 'type_maps.standard_value', 'types.report_type') }}
        end as report_type_mapping_status,
        reports.report_status,
        versions.department,
        {{ section_of('reports.full_text', '大体所见') }} as gross_text,
        reports.findings_text as microscopic_text,
        {{ section_of('reports.full_text', '免疫组化') }} as immunohistochemistry_text,
        reports.impression_text as diagnosis_text,
        reports.full_text,
        reports.text_status,
        reports.text_quality,
        versions.submitted_at,
        versions.collected_at,
        versions.received_at,
        reports.reported_at,
        reports.verified_at,
        reports.link_method,
        reports.source_keys,
        reports.filled_from,
        reports.is_deleted,
        reports.valid_from,
        reports.valid_to,
        reports.dq_flags,
        reports.source_system,
        reports.source_period,
        reports.source_key,
        reports.load_id,
        reports.loaded_at
    from versions
    inner join reports on versions.report_id = reports.source_key and versions.version_no = reports.version_no
    left join origins on reports.report_key = origins.report_key
    {{ join_code_map('type_maps', 'versions', ['report_type'], 'report_type') }}
    left join types
        on
            coalesce({{ code_key('type_maps.standard_value') }}, {{ code_key('versions.report_type') }})
            = types.value_key
)

select * from pathologies
