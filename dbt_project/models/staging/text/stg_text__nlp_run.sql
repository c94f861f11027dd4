with source as (
    select * from {{ source('text', 'nlp_run') }}
),

renamed as (
    select
        nullif(trim(run_id), '') as run_id,
        nullif(trim(algorithm), '') as algorithm,
        nullif(trim(algorithm_version), '') as algorithm_version,
        nullif(trim(rules_sha256), '') as rules_sha256,
        nullif(trim(lexicon_sha256), '') as lexicon_sha256,
        nullif(trim(site_lexicon), '') as site_lexicon,
        started_at,
        finished_at,
        report_in_count,
        report_out_count,
        error_count,
        entity_count,
        measurement_count,
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
