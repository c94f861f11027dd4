with source as (
    select * from {{ source('cdr', 'patient') }}
),

cleaned as (
    select
        {{ clean('patient_id') }} as patient_id,
        {{ clean('empi_id') }} as empi_id,
        {{ clean('card_no') }} as card_no,
        {{ clean('outpatient_no') }} as outpatient_no,
        {{ clean('inpatient_no') }} as inpatient_no,
        {{ clean('medical_record_no') }} as medical_record_no,
        {{ clean('insurance_no') }} as insurance_no,
        {{ clean('patient_name') }} as patient_name,
        {{ clean('sex') }} as sex,
        {{ clean('birth_date') }} as birth_date,
        {{ clean('citizen_id') }} as citizen_id,
        {{ clean('ethnicity') }} as ethnicity,
        {{ clean('marital_status') }} as marital_status,
        {{ clean('died_at') }} as died_at,
        {{ clean('registered_at') }} as registered_at,
        {{ clean('merged_into_patient_id') }} as merged_into_patient_id,
        {{ clean('organization_code') }} as organization_code,
        {{ clean('updated_at') }} as updated_at,
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
        {{ pseudonym('patient', 'patient_id') }} as patient_id,
        {{ patient_core('patient_id') }} as patient_id_core,
        {{ pseudonym('empi_id', 'empi_id') }} as empi_id,
        {{ pseudonym('card_no', 'card_no') }} as card_no,
        {{ pseudonym('outpatient_no', 'outpatient_no') }} as outpatient_no,
        {{ pseudonym('inpatient_no', 'inpatient_no') }} as inpatient_no,
        {{ pseudonym('medical_record_no', 'medical_record_no') }} as medical_record_no,
        {{ pseudonym('insurance_no', 'insurance_no') }} as insurance_no,
        {{ pseudonym('patient', 'merged_into_patient_id') }} as merged_into_patient_id,
        nullif(trim(sex), '') as sex,
        nullif(trim(ethnicity), '') as ethnicity,
        nullif(trim(marital_status), '') as marital_status,
        nullif(trim(organization_code), '') as organization_code,
        nullif(trim(is_void), '') as is_void,
        {{ is_valid_citizen_id('citizen_id') }} as is_citizen_id_valid,
        {{ is_test_name('patient_name') }} as is_test,
        {{ parse_timestamp('birth_date') }} as birth_date,
        {{ parse_timestamp('died_at') }} as died_at,
        {{ parse_timestamp('registered_at') }} as registered_at,
        {{ parse_timestamp('updated_at') }} as updated_at,
        _change as change,
        _change is not null or coalesce({{ parse_boolean('is_void') }}, false) as is_deleted,
        'cdr' as source_system,
        _src_period as source_period,
        _src_file as source_file,
        _src_row_no as source_row_no,
        _row_sha256 as row_sha256,
        _batch_id as load_id,
        _loaded_at as loaded_at
    from cleaned
)

select * from renamed
