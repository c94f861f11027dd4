with source as (
    select * from {{ source('text', 'report_entity') }}
),

renamed as (
    select
        case report_id_kind
            when 'fhir_diagnostic_report' then {{ pseudonym('fhir_diagnostic_report', 'report_id') }}
            when 'accession' then {{ pseudonym('accession', 'report_id') }}
            when 'order' then {{ pseudonym('order', 'report_id') }}
            when 'message_control' then {{ pseudonym('message_control', 'report_id') }}
            else {{ pseudonym('report', 'report_id') }}
        end as report_id,
        nullif(trim(run_id), '') as run_id,
        nullif(trim(source), '') as source,
        nullif(trim(report_id_kind), '') as report_id_kind,
        nullif(trim(text_sha256), '') as text_sha256,
        entity_no,
        nullif(trim(finding_code), '') as finding_code,
        mention,
        start_offset,
        end_offset,
        nullif(trim(section), '') as section,
        nullif(trim(assertion), '') as assertion,
        nullif(trim(certainty), '') as certainty,
        nullif(trim(laterality), '') as laterality,
        nullif(trim(locations), '') as locations,
        nullif(trim(change), '') as change,
        nullif(trim(compared_to), '') as compared_to,
        cue_text,
        cue_offset,
        nullif(trim(rule_id), '') as rule_id,
        confidence,
        sentence,
        nullif(trim(review_status), '') as review_status,
        reviewed_at,
        nullif(trim(algorithm), '') as algorithm,
        nullif(trim(algorithm_version), '') as algorithm_version,
        'text' as source_system,
        _src_period as source_period,
        _src_file as source_file,
        _src_row_no as source_row_no,
        _row_sha256 as row_sha256,
        _batch_id as load_id,
        _loaded_at as loaded_at
    from source
)

select * from renamed
