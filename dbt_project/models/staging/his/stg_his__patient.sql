with source as (
    select * from {{ source('his', 'patient') }}
),

renamed as (
    select
        {{ pseudonym('patient', 'patient_id') }} as patient_id,
        {{ pseudonym('patient_core', "ltrim(patient_id, '0 ')") }} as patient_id_core,
        {{ pseudonym('patient', 'merged_into_patient_id') }} as merged_into_patient_id,
        nullif(trim(sex), '') as sex,
        nullif(trim(ethnicity), '') as ethnicity,
        nullif(trim(is_void), '') as is_void,
        {{ is_valid_citizen_id('citizen_id') }} as is_citizen_id_valid,
        {{ is_test_name('patient_name') }} as is_test,
        {{ parse_timestamp('birth_date') }} as birth_date,
        {{ parse_timestamp('registered_at') }} as registered_at,
        'his' as source_system,
        _src_period as source_period,
        _src_file as source_file,
        _src_row_no as source_row_no,
        _row_sha256 as row_sha256,
        _batch_id as load_id,
        _loaded_at as loaded_at
    from source
)

select * from renamed
