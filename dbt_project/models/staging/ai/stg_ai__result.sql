with source as (
    select * from {{ source('ai', 'result') }}
),

renamed as (
    select
        {{ pseudonym('uid', 'result_id') }} as result_id,
        {{ pseudonym('uid', 'sop_instance_uid') }} as sop_instance_uid,
        {{ pseudonym('uid', 'study_instance_uid') }} as study_instance_uid,
        {{ pseudonym('uid', 'series_instance_uid') }} as series_instance_uid,
        {{ pseudonym('patient', 'patient_id') }} as patient_id,
        {{ pseudonym('accession', 'accession_number') }} as accession_number,
        {{ accession_core('accession_number') }}
            as accession_number_core,
        nullif(trim(sop_class_uid), '') as sop_class_uid,
        nullif(trim(algorithm), '') as algorithm,
        nullif(trim(algorithm_version), '') as algorithm_version,
        nullif(trim(algorithm_origin), '') as algorithm_origin,
        nullif(trim(manufacturer), '') as manufacturer,
        nullif(trim(observer_type), '') as observer_type,
        observed_at,
        nullif(trim(result_format), '') as result_format,
        nullif(trim(template_id), '') as template_id,
        nullif(trim(document_title), '') as document_title,
        nullif(trim(completion_flag), '') as completion_flag,
        nullif(trim(verification_flag), '') as verification_flag,
        nullif(trim(content_sha256), '') as content_sha256,
        nullif(trim(mapping_sha256), '') as mapping_sha256,
        nullif(trim(file_sha256), '') as file_sha256,
        version_no,
        is_current,
        finding_count,
        'ai' as source_system,
        _src_period as source_period,
        _src_file as source_file,
        _src_row_no as source_row_no,
        _row_sha256 as row_sha256,
        _batch_id as load_id,
        _loaded_at as loaded_at
    from source
)

select * from renamed
