with source as (
    select * from {{ source('his', 'diagnosis') }}
),

cleaned as (
    select
        {{ clean('visit_id') }} as visit_id,
        {{ clean('diagnosis_type') }} as diagnosis_type,
        {{ clean('sequence_no') }} as sequence_no,
        diagnosis_code as diagnosis_source_code,
        {{ clean('diagnosis_code') }} as diagnosis_code,
        {{ clean('diagnosis_name') }} as diagnosis_name,
        {{ clean('present_on_admission') }} as present_on_admission,
        {{ clean('diagnosed_at') }} as diagnosed_at,
        {{ clean('patient_id') }} as patient_id,
        {{ clean('diagnosis_code_system') }} as diagnosis_code_system,
        {{ clean('is_void') }} as is_void,
        _change,
        _src_period,
        _src_file,
        _src_row_no,
        _row_sha256,
        _batch_id,
        _loaded_at
    from source
),

renamed as (
    select
        {{ pseudonym('encounter', 'visit_id') }} as visit_id,
        {{ pseudonym('patient', 'patient_id') }} as patient_id,
        {{ patient_core('patient_id') }} as patient_id_core,
        nullif(trim(diagnosis_type), '') as diagnosis_type,
        nullif(trim(sequence_no), '') as sequence_no,
        nullif(trim(diagnosis_source_code), '') as diagnosis_source_code,
        nullif(trim(diagnosis_code), '') as diagnosis_code,
        {{ mask_numbers('diagnosis_name') }} as diagnosis_name,
        nullif(trim(present_on_admission), '') as present_on_admission,
        nullif(trim(diagnosis_code_system), '') as diagnosis_code_system,
        nullif(trim(is_void), '') as is_void,
        {{ parse_timestamp('diagnosed_at') }} as diagnosed_at,
        _change as change,
        _change is not null or coalesce({{ parse_boolean('is_void') }}, false) as is_deleted,
        'his' as source_system,
        _src_period as source_period,
        _src_file as source_file,
        _src_row_no as source_row_no,
        _row_sha256 as row_sha256,
        _batch_id as load_id,
        _loaded_at as loaded_at
    from cleaned
)

select * from renamed
