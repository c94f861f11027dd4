with source as (
    select * from {{ source('text', 'finding') }}
),

renamed as (
    select
        {{ pseudonym('report', 'report_id') }} as report_id,
        nullif(trim(source), '') as source,
        nullif(trim(text_sha256), '') as text_sha256,
        finding_no,
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
        sentence,
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
