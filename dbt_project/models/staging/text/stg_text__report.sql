with source as (
    select * from {{ source('text', 'report') }}
),

renamed as (
    select
        {{ pseudonym('report', 'report_id') }} as report_id,
        nullif(trim(source), '') as source,
        nullif(trim(report_kind), '') as report_kind,
        nullif(trim(text_sha256), '') as text_sha256,
        findings,
        impression,
        clinical_diagnosis,
        full_text,
        removed_count,
        finding_count,
        nullif(trim(failure), '') as failure,
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
