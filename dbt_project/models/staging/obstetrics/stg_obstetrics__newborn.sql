with source as (
    select * from {{ source('obstetrics', 'newborn') }}
),

cleaned as (
    select
        {{ clean('newborn_id') }} as newborn_id,
        {{ clean('delivery_id') }} as delivery_id,
        {{ clean('mother_patient_id') }} as mother_patient_id,
        {{ clean('mother_visit_id') }} as mother_visit_id,
        {{ clean('mother_inpatient_no') }} as mother_inpatient_no,
        {{ clean('patient_id') }} as patient_id,
        {{ clean('visit_id') }} as visit_id,
        {{ clean('inpatient_no') }} as inpatient_no,
        {{ clean('sex') }} as sex,
        {{ clean('born_at') }} as born_at,
        {{ clean('birth_order') }} as birth_order,
        {{ clean('birth_weight') }} as birth_weight,
        {{ clean('birth_length') }} as birth_length,
        {{ clean('apgar') }} as apgar,
        {{ clean('apgar_1') }} as apgar_1,
        {{ clean('apgar_5') }} as apgar_5,
        {{ clean('apgar_10') }} as apgar_10,
        {{ clean('is_nicu') }} as is_nicu,
        {{ clean('outcome') }} as outcome,
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
        {{ pseudonym('newborn', 'newborn_id') }} as newborn_id,
        {{ pseudonym('delivery', 'delivery_id') }} as delivery_id,
        {{ pseudonym('patient', 'mother_patient_id') }} as mother_patient_id,
        {{ pseudonym('encounter', 'mother_visit_id') }} as mother_visit_id,
        {{ pseudonym('inpatient_no', 'mother_inpatient_no') }} as mother_inpatient_no,
        {{ pseudonym('patient', 'patient_id') }} as patient_id,
        {{ patient_core('patient_id') }} as patient_id_core,
        {{ pseudonym('encounter', 'visit_id') }} as visit_id,
        {{ pseudonym('inpatient_no', 'inpatient_no') }} as inpatient_no,
        nullif(trim(sex), '') as sex,
        nullif(trim(birth_order), '') as birth_order,
        nullif(trim(birth_weight), '') as birth_weight,
        nullif(trim(birth_length), '') as birth_length,
        nullif(trim(apgar), '') as apgar,
        nullif(trim(apgar_1), '') as apgar_1,
        nullif(trim(apgar_5), '') as apgar_5,
        nullif(trim(apgar_10), '') as apgar_10,
        nullif(trim(is_nicu), '') as is_nicu,
        nullif(trim(outcome), '') as outcome,
        nullif(trim(is_void), '') as is_void,
        {{ parse_timestamp('born_at') }} as born_at,
        {{ parse_timestamp('updated_at') }} as updated_at,
        _change as change,
        _change is not null or coalesce({{ parse_boolean('is_void') }}, false) as is_deleted,
        'obstetrics' as source_system,
        _src_period as source_period,
        _src_file as source_file,
        _src_row_no as source_row_no,
        _row_sha256 as row_sha256,
        _batch_id as load_id,
        _loaded_at as loaded_at
    from cleaned
)

select * from renamed
