with source as (
    select * from {{ source('ris', 'exam') }}
),

renamed as (
    select
        {{ pseudonym('report', 'exam_id') }} as exam_id,
        {{ pseudonym('accession', 'accession_number') }} as accession_number,
        {{ pseudonym('accession_core', "regexp_replace(canonical_identifier(accession_number), '^[A-Z]+0*', '')") }}
            as accession_number_core,
        {{ pseudonym('order', 'request_id') }} as request_id,
        {{ pseudonym('patient', 'patient_id') }} as patient_id,
        {{ pseudonym('patient_core', "ltrim(patient_id, '0 ')") }} as patient_id_core,
        {{ pseudonym('encounter', 'visit_id') }} as visit_id,
        {{ pseudonym('uid', 'study_instance_uid') }} as study_instance_uid,
        nullif(trim(sex), '') as sex,
        nullif(trim(age), '') as age,
        nullif(trim(modality), '') as modality,
        nullif(trim(body_part), '') as body_part,
        nullif(trim(exam_item), '') as exam_item,
        nullif(trim(device), '') as device,
        nullif(trim(report_status), '') as report_status,
        nullif(trim(report_version), '') as report_version,
        sha256(concat_ws(chr(31), coalesce(findings, ''), coalesce(impression, ''), coalesce(clinical_diagnosis, '')))
            as text_sha256,
        {{ parse_timestamp('registered_at') }} as registered_at,
        {{ parse_timestamp('examined_at') }} as examined_at,
        {{ parse_timestamp('reported_at') }} as reported_at,
        {{ parse_timestamp('verified_at') }} as verified_at,
        'ris' as source_system,
        _src_period as source_period,
        _src_file as source_file,
        _src_row_no as source_row_no,
        _row_sha256 as row_sha256,
        _batch_id as load_id,
        _loaded_at as loaded_at
    from source
)

select * from renamed
