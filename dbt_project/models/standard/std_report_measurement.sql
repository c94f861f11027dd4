-- Measurements of the current version of each report, of the same reading as its findings. A value of one axis has the
-- same low and high; the largest axis is what size criteria ask for (report_structuring.md 7).
with measurements as (
    select * from {{ ref('stg_text__report_measurement') }}
),

reports as (
    select * from {{ ref('std_report') }}
    where is_current
),

findings as (
    select * from {{ ref('std_report_finding') }}
),

current_measurements as (
    select
        {{ surrogate_key([
            "'measurement'", 'reports.report_key', 'reports.version_no', 'measurements.algorithm_version',
            'measurements.measurement_no'
        ]) }} as measurement_key,
        reports.report_key,
        reports.version_no as report_version_no,
        reports.patient_key,
        findings.finding_key,
        findings.finding_code,
        measurements.measurement_no,
        measurements.kind as measurement_kind,
        {% for axis in (1, 2, 3) -%}
            {{ axis_value('measurements.dims', axis, 'lo') }} as axis_{{ axis }}_low,
            {{ axis_value('measurements.dims', axis, 'hi') }} as axis_{{ axis }}_high,
        {% endfor -%}
        {{ axis_count('measurements.dims') }} as axis_count,
        {{ largest_axis('measurements.dims') }} as largest_value,
        measurements.unit,
        measurements.op as comparison,
        measurements.time as measured_time,
        measurements.approx as is_approximate,
        measurements.target,
        measurements.flag,
        measurements.start_offset,
        measurements.end_offset,
        measurements.measured_text,
        measurements.review_status,
        measurements.reviewed_at,
        measurements.run_id,
        measurements.algorithm,
        measurements.algorithm_version,
        reports.source_system,
        measurements.load_id,
        measurements.loaded_at
    from measurements
    inner join reports
        on
            measurements.source = reports.text_source
            and measurements.report_id = reports.text_report_id
            and measurements.text_sha256 = reports.text_sha256
            and measurements.algorithm_version = reports.text_algorithm_version
    left join findings
        on reports.report_key = findings.report_key and measurements.entity_no = findings.finding_no
)

select * from current_measurements
