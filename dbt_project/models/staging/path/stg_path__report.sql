with source as (
    select * from {{ source('path', 'report') }}
),

renamed as (
    select
        {{ pseudonym('report', 'pathology_id') }} as pathology_id,
        {{ pseudonym('patient', 'patient_id') }} as patient_id,
        {{ pseudonym('patient_core', "ltrim(patient_id, '0 ')") }} as patient_id_core,
        nullif(trim(report_type), '') as report_type,
        sha256(
            concat_ws(
                chr(31),
                coalesce(gross, ''),
                coalesce(microscopic, ''),
                coalesce(immunohistochemistry, ''),
                coalesce(diagnosis, '')
            )
        ) as text_sha256,
        {{ parse_timestamp('submitted_at') }} as submitted_at,
        {{ parse_timestamp('reported_at') }} as reported_at,
        'path' as source_system,
        _src_period as source_period,
        _src_file as source_file,
        _src_row_no as source_row_no,
        _row_sha256 as row_sha256,
        _batch_id as load_id,
        _loaded_at as loaded_at
    from source
)

select * from renamed
