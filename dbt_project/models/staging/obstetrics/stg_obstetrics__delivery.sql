with source as (
    select * from {{ source('obstetrics', 'delivery') }}
),

cleaned as (
    select
        {{ clean('delivery_id') }} as delivery_id,
        {{ clean('patient_id') }} as patient_id,
        {{ clean('visit_id') }} as visit_id,
        {{ clean('empi_id') }} as empi_id,
        {{ clean('inpatient_no') }} as inpatient_no,
        {{ clean('medical_record_no') }} as medical_record_no,
        {{ clean('outpatient_no') }} as outpatient_no,
        {{ clean('card_no') }} as card_no,
        {{ clean('patient_name') }} as patient_name,
        {{ clean('birth_date') }} as birth_date,
        {{ clean('age') }} as age,
        {{ clean('delivered_at') }} as delivered_at,
        {{ clean('gestational_age') }} as gestational_age,
        {{ clean('gravida_para') }} as gravida_para,
        {{ clean('gravidity') }} as gravidity,
        {{ clean('parity') }} as parity,
        {{ clean('prior_cesarean_count') }} as prior_cesarean_count,
        {{ clean('plurality') }} as plurality,
        {{ clean('delivery_mode') }} as delivery_mode,
        {{ clean('placenta_note') }} as placenta_note,
        {{ clean('placenta_accreta_grade') }} as placenta_accreta_grade,
        {{ clean('blood_loss_24h') }} as blood_loss_24h,
        {{ clean('transfusion') }} as transfusion,
        {{ clean('hysterectomy') }} as hysterectomy,
        {{ clean('uterine_artery_embolization') }} as uterine_artery_embolization,
        {{ clean('anesthesia') }} as anesthesia,
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
        {{ pseudonym('delivery', 'delivery_id') }} as delivery_id,
        {{ pseudonym('patient', 'patient_id') }} as patient_id,
        {{ patient_core('patient_id') }} as patient_id_core,
        {{ pseudonym('encounter', 'visit_id') }} as visit_id,
        {{ pseudonym('empi_id', 'empi_id') }} as empi_id,
        {{ pseudonym('inpatient_no', 'inpatient_no') }} as inpatient_no,
        {{ pseudonym('medical_record_no', 'medical_record_no') }} as medical_record_no,
        {{ pseudonym('outpatient_no', 'outpatient_no') }} as outpatient_no,
        {{ pseudonym('card_no', 'card_no') }} as card_no,
        nullif(trim(age), '') as age,
        nullif(trim(gestational_age), '') as gestational_age,
        nullif(trim(gravida_para), '') as gravida_para,
        nullif(trim(gravidity), '') as gravidity,
        nullif(trim(parity), '') as parity,
        nullif(trim(prior_cesarean_count), '') as prior_cesarean_count,
        nullif(trim(plurality), '') as plurality,
        nullif(trim(delivery_mode), '') as delivery_mode,
        nullif(trim(placenta_accreta_grade), '') as placenta_accreta_grade,
        nullif(trim(blood_loss_24h), '') as blood_loss_24h,
        nullif(trim(hysterectomy), '') as hysterectomy,
        nullif(trim(uterine_artery_embolization), '') as uterine_artery_embolization,
        nullif(trim(anesthesia), '') as anesthesia,
        nullif(trim(is_void), '') as is_void,
        {{ person_record(
            'obstetrics',
            [
                'patient_id', 'empi_id', 'card_no', 'medical_record_no', 'inpatient_no', 'outpatient_no'
            ],
            'patient_name'
        ) }} as person_record_id,
        {{ placenta_state('placenta_note') }} as placenta_state,
        {{ says('placenta_note', '前置') }} as has_placenta_previa,
        {{ red_cell_units('transfusion') }} as transfusion_rbc_u,
        {{ parse_timestamp('birth_date') }} as birth_date,
        {{ parse_timestamp('delivered_at') }} as delivered_at,
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
