with source as (
    select * from {{ source('his', 'encounter') }}
),

cleaned as (
    select
        {{ clean('visit_id') }} as visit_id,
        {{ clean('patient_id') }} as patient_id,
        {{ clean('encounter_class') }} as encounter_class,
        {{ clean('outpatient_no') }} as outpatient_no,
        {{ clean('inpatient_no') }} as inpatient_no,
        {{ clean('medical_record_no') }} as medical_record_no,
        {{ clean('admission_count') }} as admission_count,
        {{ clean('admitted_at') }} as admitted_at,
        {{ clean('discharged_at') }} as discharged_at,
        {{ clean('department') }} as department,
        {{ clean('discharge_department') }} as discharge_department,
        {{ clean('ward') }} as ward,
        {{ clean('admission_route') }} as admission_route,
        {{ clean('discharge_disposition') }} as discharge_disposition,
        {{ clean('icu_admitted_at') }} as icu_admitted_at,
        {{ clean('is_cancelled') }} as is_cancelled,
        {{ clean('empi_id') }} as empi_id,
        {{ clean('card_no') }} as card_no,
        {{ clean('insurance_no') }} as insurance_no,
        {{ clean('patient_name') }} as patient_name,
        {{ clean('sex') }} as sex,
        {{ clean('birth_date') }} as birth_date,
        {{ clean('age') }} as age,
        {{ clean('bed') }} as bed,
        {{ clean('updated_at') }} as updated_at,
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
        {{ pseudonym('outpatient_no', 'outpatient_no') }} as outpatient_no,
        {{ pseudonym('inpatient_no', 'inpatient_no') }} as inpatient_no,
        {{ pseudonym('medical_record_no', 'medical_record_no') }} as medical_record_no,
        {{ pseudonym('empi_id', 'empi_id') }} as empi_id,
        {{ pseudonym('card_no', 'card_no') }} as card_no,
        {{ pseudonym('insurance_no', 'insurance_no') }} as insurance_no,
        nullif(trim(encounter_class), '') as encounter_class,
        nullif(trim(admission_count), '') as admission_count,
        nullif(trim(department), '') as department,
        nullif(trim(discharge_department), '') as discharge_department,
        nullif(trim(ward), '') as ward,
        nullif(trim(admission_route), '') as admission_route,
        nullif(trim(discharge_disposition), '') as discharge_disposition,
        nullif(trim(is_cancelled), '') as is_cancelled,
        nullif(trim(sex), '') as sex,
        nullif(trim(age), '') as age,
        nullif(trim(bed), '') as bed,
        {{ person_record(
            'his',
            [
                'patient_id', 'empi_id', 'card_no', 'medical_record_no', 'inpatient_no', 'outpatient_no',
                'insurance_no'
            ],
            'patient_name'
        ) }} as person_record_id,
        {{ parse_timestamp('admitted_at') }} as admitted_at,
        {{ parse_timestamp('discharged_at') }} as discharged_at,
        {{ parse_timestamp('icu_admitted_at') }} as icu_admitted_at,
        {{ parse_timestamp('birth_date') }} as birth_date,
        {{ parse_timestamp('updated_at') }} as updated_at,
        _change as change,
        _change is not null as is_deleted,
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
